//! The tool behind *Async Runtime Patterns*: builds and serves the book, records what its pages show, and
//! is the preprocessor that puts proofs and figures into them.
//!
//! It knows paths and Markdown, but no pattern.

pub mod build;
pub mod figure;
pub mod highlight;
pub mod listing;
pub mod manifest;
pub mod page;
pub mod preprocess;
pub mod problem;
pub mod record;
pub mod root;
pub mod search;
pub mod serve;
pub mod summary;
pub mod text;
