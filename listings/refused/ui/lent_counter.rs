//! A task cannot be made of an `AsyncFnMut` that changes what it borrows.

use std::io;

async fn twice<T>(mut operation: impl AsyncFnMut(u32) -> io::Result<T>) -> io::Result<T> {
    match operation(1).await {
        Ok(answer) => Ok(answer),
        Err(_) => operation(2).await,
    }
}

// ANCHOR: lent_counter
fn connect() {
    tokio::spawn(async {
        let mut calls = 0;
        let attempt = async |_number| {
            calls += 1;
            Ok(())
        };
        twice(attempt).await
    });
}
// ANCHOR_END: lent_counter

fn main() {
    connect();
}
