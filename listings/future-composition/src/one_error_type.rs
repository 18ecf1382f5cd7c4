//! one error type
