//! Runs each figure of the part, and compares it with what was recorded in `figures/`.
