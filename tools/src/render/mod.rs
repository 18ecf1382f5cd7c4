//! What readers see of a [`Book`](crate::book::Book): nothing here can fail.

pub mod figure;
pub mod highlight;
pub mod html;
pub mod search;
pub mod skeptic;
