//! An `async` block in an `FnMut` closure cannot borrow what the closure owns or changes.

use std::future::Future; // only edition 2021 needs this line
use std::io;

// ANCHOR: captured_counter
async fn twice<T, Fut: Future<Output = io::Result<T>>>(
    mut operation: impl FnMut(u32) -> Fut,
) -> io::Result<T> {
    match operation(1).await {
        Ok(answer) => Ok(answer),
        Err(_) => operation(2).await,
    }
}

async fn connect() -> io::Result<()> {
    let mut calls = 0;
    let attempt = |_number| async {
        calls += 1;
        Ok(())
    };
    twice(attempt).await
}
// ANCHOR_END: captured_counter

fn main() {
    drop(connect());
}
