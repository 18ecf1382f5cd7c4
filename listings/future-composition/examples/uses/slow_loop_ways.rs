use super::shown::many_futures::{fetch_and_store, on_tasks};
use super::slow_loop::{fetch, store};
use futures::stream::StreamExt;
use std::num::NonZeroUsize;
use std::pin::pin;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: each
    println!("fetch_and_store");
    let limit = NonZeroUsize::new(3).expect("3 is not 0");
    fetch_and_store(1..=3, limit, fetch, store).await;
    // ANCHOR_END: each

    // ANCHOR: tasks
    println!("on_tasks");
    let mut pages = pin!(on_tasks(1..=3, limit, fetch));
    while let Some((id, fetched)) = pages.next().await {
        match fetched {
            Ok(page) => store(page).await,
            Err(panicked) => println!("page {id}: {panicked}"),
        }
    }
    // ANCHOR_END: tasks
}
