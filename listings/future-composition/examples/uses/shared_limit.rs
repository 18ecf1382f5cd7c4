use futures::stream::{self, StreamExt};
use std::time::Duration;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::{Instant, sleep};

/// At work: fetches a page, which needs 20 ms.
pub(crate) async fn fetch(page: &'static str) -> &'static str {
    sleep(Duration::from_millis(20)).await;
    page
}

async fn fetch_with_permit(
    permits: &Semaphore,
    page: &'static str,
) -> Result<&'static str, AcquireError> {
    let _permit = permits.acquire().await?; // waits until one of the permits is free
    Ok(fetch(page).await) // the permit is given back at the end of this function
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let permits = Semaphore::new(2); // two requests at a time, for both lists together
    let crawl = |pages: [&'static str; 3]| {
        let requests = pages.map(|page| fetch_with_permit(&permits, page));
        stream::iter(requests).buffer_unordered(2).collect::<Vec<_>>()
    };

    let start = Instant::now();
    let (news, prices) =
        tokio::join!(crawl(["a", "b", "c"]), crawl(["tea", "salt", "milk"]));
    let pages = news.len() + prices.len();
    println!("{pages} pages in {} ms", start.elapsed().as_millis());
}
