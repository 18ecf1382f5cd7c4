//! What readers see of a [`Book`](crate::book::Book): nothing here can fail.

pub mod chart;
pub mod compare;
pub mod exercise;
pub mod figure;
pub mod highlight;
pub mod html;
pub mod lengths;
pub mod search;
pub mod skeptic;
pub mod whole_use;
