//! transform and chain
