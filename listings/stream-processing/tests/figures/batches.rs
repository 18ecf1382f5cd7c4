use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use backend::figure::{Figure, observe};
use futures::stream::{BoxStream, Stream, StreamExt, unfold};
use stream_processing::batches::{Limits, batcher};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::StreamExt as Tokio;

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();
const AGE: Duration = Duration::from_millis(100);

/// 1, 2, 3, …, so many milliseconds after the start; the last time is that of the end.
fn items(at: &'static [u64]) -> BoxStream<'static, u64> {
    let start = Instant::now();
    unfold((1, at), move |(item, at)| async move {
        let (next, later) = at.split_first()?;
        sleep_until(start + Duration::from_millis(*next)).await;
        (!later.is_empty()).then_some((item, (item + 1, later)))
    })
    .boxed()
}

fn text(batch: &[u64]) -> String {
    batch.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}

/// Takes from the stream, and after each batch does something else for `write` ms.
async fn take(name: &str, batches: impl Stream<Item = String> + Send, write: u64) {
    let mut batches = pin!(observe(name, batches));
    while StreamExt::next(&mut batches).await.is_some() {
        sleep(Duration::from_millis(write)).await;
    }
}

fn by_size(at: &'static [u64]) -> impl Stream<Item = String> {
    StreamExt::map(StreamExt::chunks(items(at), 3), |batch| text(&batch))
}

fn by_age(at: &'static [u64]) -> impl Stream<Item = String> {
    StreamExt::map(Tokio::chunks_timeout(items(at), 3, AGE), |batch| text(&batch))
}

fn each(at: &'static [u64]) -> impl Stream<Item = String> {
    StreamExt::map(items(at), |item| item.to_string())
}

#[test]
fn batches() {
    const SLOWLY: &[u64] = &[50, 90, 130, 170, 450, 700];
    const LATE: &[u64] = &[50, 50, 50, 110, 700];
    Figure::new("batches", "At most three items in a batch, for at most 100 ms")
        .panel("a writer that keeps up", async || {
            tokio::join!(
                take("items", each(SLOWLY), 0),
                take("chunks", by_size(SLOWLY), 0),
                take("chunks_timeout", by_age(SLOWLY), 0),
            )
        })
        .panel("a writer that takes 500 ms for a batch", async || {
            let limits = Limits { items: THREE, weight: NonZeroUsize::MAX, age: AGE };
            let (intake, batches) = batcher(limits, THREE, |_| 1);
            let send = async move {
                let mut items = items(LATE);
                while let Some(item) = StreamExt::next(&mut items).await {
                    intake.send(item).await.unwrap();
                }
            };
            let batches = unfold(batches, async |mut batches| {
                let batch = batches.next().await?.into_items();
                Some((text(&batch), batches))
            });
            tokio::join!(
                take("items", each(LATE), 0),
                take("chunks_timeout", by_age(LATE), 500),
                take("Batches", batches, 500),
                send,
            )
        })
        .check();
}
