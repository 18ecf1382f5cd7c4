//! Runs each figure of the pattern, and compares it with what was recorded in `figures/`.

mod who_runs_next;
