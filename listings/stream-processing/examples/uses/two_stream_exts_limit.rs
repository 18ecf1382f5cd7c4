use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use stream_processing::two_stream_exts::naive;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};

/// All items, if they come within `limit`.
async fn all_within<S: Stream>(
    limit: Duration,
    items: S,
) -> Result<Vec<S::Item>, Elapsed> {
    // ANCHOR: limit_for_all
    timeout(limit, items.collect()).await
    // ANCHOR_END: limit_for_all
}

/// Ten items. Each needs 90 ms.
fn ten() -> impl Stream<Item = u32> {
    stream::iter(1..=10).then(|n| async move {
        sleep(Duration::from_millis(90)).await;
        n
    })
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_millis(100);
    let start = Instant::now();
    let each = naive::all_within(limit, ten()).await.is_ok();
    println!("a limit for each: in time {each}, after {:?}", start.elapsed());

    let second_start = Instant::now();
    let all = all_within(limit, ten()).await.is_ok();
    println!("a limit for all: in time {all}, after {:?}", second_start.elapsed());
}
