//! The predicate of `futures` returns a future, even when it needs none.

use futures::stream::{self, StreamExt};

async fn even() -> Vec<i32> {
    stream::iter(1..=4).filter(|n| n % 2 == 0).collect().await
}

fn main() {
    drop(even());
}
