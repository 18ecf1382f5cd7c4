use future_composition::bounded_concurrency::few_per_host;
use futures::stream::StreamExt;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: fetches a page. A page of the slow host needs 100 ms, another one 20 ms.
async fn fetch((host, page): (&str, u32)) -> String {
    let needs = if host == "slow" { 100 } else { 20 };
    sleep(Duration::from_millis(needs)).await;
    format!("{host}/{page}")
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let hosts = ["slow", "quick"].map(|host| [1, 2, 3, 4].map(|page| (host, page)));
    let per_host = NonZeroUsize::new(1).expect("1 is not 0");
    let in_all = NonZeroUsize::new(2).expect("2 is not 0");

    let start = Instant::now();
    let mut pages = few_per_host(hosts, per_host, in_all, fetch);
    while let Some(page) = pages.next().await {
        println!("{:3} ms: {page}", start.elapsed().as_millis());
    }
}
