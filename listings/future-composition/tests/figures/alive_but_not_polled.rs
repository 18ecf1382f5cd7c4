//! alive but not polled
