//! Listings that must not compile; see `tests/refused.rs`.
