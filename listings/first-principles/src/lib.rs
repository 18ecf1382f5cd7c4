//! The model, proved.
extern crate self as first_principles;
