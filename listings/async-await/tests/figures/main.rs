//! Runs each figure of the pattern, and compares it with what was recorded in `figures/`.
//!
//! Support: no page shows this file.

mod adaptive_limit;
