use std::pin::pin;

use futures::stream::{self, StreamExt};

#[tokio::main]
pub(crate) async fn main() {
    let countdown = stream::unfold(3, |left| async move {
        if left == 0 {
            return None; // the end
        }
        Some((left, left - 1)) // an item, and the next state
    });

    let mut countdown = pin!(countdown); // keeps the stream in one place
    while let Some(left) = countdown.next().await {
        println!("{left}");
    }
}
