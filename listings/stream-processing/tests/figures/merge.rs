use std::time::Duration;

use backend::figure::{Figure, observe};
use futures::stream::{BoxStream, StreamExt, unfold};
use stream_processing::merge::while_open;
use tokio::time::{Instant, sleep_until};

/// The items, so many milliseconds after the start; the last time is that of the end.
fn items(first: u64, at: &'static [u64]) -> BoxStream<'static, u64> {
    let start = Instant::now();
    unfold((first, at), move |(item, at)| async move {
        let (next, later) = at.split_first()?;
        sleep_until(start + Duration::from_millis(*next)).await;
        (!later.is_empty()).then_some((item, (item + 1, later)))
    })
    .boxed()
}

const MAIN: &[u64] = &[0, 40, 90, 120];
const SIDE: &[u64] = &[15, 65, 105, 155, 205, 230];

#[test]
fn merge() {
    Figure::new("merge", "Two streams as one")
        .panel("merge: ends when both have ended", async || {
            let (main, side) = (items(1, MAIN), items(4, SIDE));
            let merged = tokio_stream::StreamExt::merge(
                observe("main", main),
                observe("side", side),
            );
            observe("merged", merged).collect::<Vec<_>>().await
        })
        .panel("while_open: ends with its main side", async || {
            let (main, side) = (items(1, MAIN), items(4, SIDE));
            let merged = while_open(observe("main", main), observe("side", side));
            observe("merged", merged).collect::<Vec<_>>().await
        })
        .check();
}
