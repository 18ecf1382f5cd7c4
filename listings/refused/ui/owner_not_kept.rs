//! An `AbortOnDropHandle` that nobody keeps is a warning; here warnings are errors.
#![deny(warnings)]

use tokio_util::task::AbortOnDropHandle;

fn accept(order: u32) -> (String, AbortOnDropHandle<u32>) {
    let task = AbortOnDropHandle::new(tokio::spawn(async move { order }));
    (format!("order {order}: thank you"), task)
}

fn main() {
    accept(2);
}
