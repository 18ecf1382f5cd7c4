//! fail fast
