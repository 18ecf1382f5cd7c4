//! A feature that the manifest does not declare is never on, so the code behind it is not there.

#![deny(unexpected_cfgs)] // without this line, the compiler only warns

// ANCHOR: an_undeclared_feature
#[cfg(feature = "smol-runtim")]
pub mod on_smol {}
// ANCHOR_END: an_undeclared_feature

fn main() {}
