//! `async move` copies a number: what the future adds is lost. It is a warning; here warnings are errors.
#![deny(warnings)]

use futures::StreamExt;
use futures::stream;

async fn add_up() -> u32 {
    let mut total = 0;
    stream::iter([12, 30, 8]).for_each(|cents| async move { total += cents }).await;
    total
}

fn main() {
    drop(add_up());
}
