use super::shown::many_futures::{fetch_and_store, on_tasks};
use super::slow_loop::{fetch, store};
use futures::stream::StreamExt;
use std::num::NonZeroUsize;
use std::pin::pin;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: each
    let start = Instant::now();
    let limit = NonZeroUsize::new(3).expect("3 is not 0");
    fetch_and_store(1..=6, limit, fetch, store).await;
    println!("fetch_and_store: {} ms", start.elapsed().as_millis());
    // ANCHOR_END: each

    // ANCHOR: tasks
    let mut read_after = Vec::new();
    let mut fetches = pin!(on_tasks(1..=6, limit, fetch));
    while let Some((page, fetched)) = fetches.next().await {
        match fetched {
            Ok(answer) => {
                store(answer).await;
                read_after.push(answer);
            }
            Err(panicked) => println!("page {page}: {panicked}"),
        }
    }
    println!("on_tasks: {read_after:?}");
    // ANCHOR_END: tasks
}
