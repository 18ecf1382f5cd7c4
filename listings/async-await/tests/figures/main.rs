//! Runs each figure of the pattern, and compares it with what was recorded in `figures/`.

mod owners;

mod circuit_breaker;

mod adaptive_limit;

mod recovery_order;
