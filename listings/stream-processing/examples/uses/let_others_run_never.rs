use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::timeout;

use super::let_others_run::compute;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut done = 0;
    // ANCHOR: work
    let work = async {
        let mut numbers = stream::iter(0..1_000);
        while let Some(number) = numbers.next().await {
            compute(number);
            done += 1;
        }
    };
    // ANCHOR_END: work
    let end = timeout(Duration::from_millis(20), work).await;
    println!("{end:?}; all done: {}", done == 1_000);
}
