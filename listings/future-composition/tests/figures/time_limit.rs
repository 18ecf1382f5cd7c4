//! time limit
