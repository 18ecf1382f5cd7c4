//! many futures
