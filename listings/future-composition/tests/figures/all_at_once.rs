//! all at once
