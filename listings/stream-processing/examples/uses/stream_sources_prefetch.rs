use std::io;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use super::shown::stream_sources::prefetch;
use futures::stream::{Stream, TryStreamExt};
use tokio::time::{Instant, sleep};

use super::stream_sources_pages::pages;

// ANCHOR: one_page_ahead
/// Reads the whole list. Each page needs 50 ms.
async fn read(list: impl Stream<Item = io::Result<Vec<&str>>>) -> io::Result<()> {
    let start = Instant::now();
    let mut list = pin!(list);
    while let Some(orders) = list.try_next().await? {
        sleep(Duration::from_millis(50)).await;
        println!("{orders:?} is read after {:?}", start.elapsed());
    }
    Ok(())
}

// The clock is paused, so the times are exact. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> io::Result<()> {
    read(pages()).await?;
    println!("one page ahead:");
    read(prefetch(pages(), NonZeroUsize::MIN)).await
}
// ANCHOR_END: one_page_ahead
