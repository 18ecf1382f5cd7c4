use std::future::pending;
use std::num::NonZeroUsize;
use std::time::Duration;

use async_stream::stream;
use backend::figure::{Figure, lane, observe};
use futures::stream::{Stream, StreamExt};
use stream_processing::generators::{generate, naive};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const MS: Duration = Duration::from_millis(1);
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// An item after 10 and one after 20 ms, then nothing for ever.
async fn produce(tx: mpsc::Sender<u32>) {
    for n in 0..2 {
        sleep(10 * MS).await;
        let _closed = tx.send(n).await;
    }
    pending::<()>().await;
}

/// Reads for 50 ms, drops the stream, and goes on for another 50 ms.
async fn read(items: impl Stream<Item = u32> + Send) {
    let mut items = observe("items", items);
    let read = async { while items.next().await.is_some() {} };
    let _limit = timeout(50 * MS, read).await;
    drop(items);
    sleep(50 * MS).await;
}

#[test]
fn generators() {
    let on_a_task = || read(naive::generate(TWO, |tx| lane("producer", produce(tx))));
    let owned = || {
        let items = generate(TWO, |tx| async {
            lane("producer", produce(tx)).await;
            Ok::<_, std::convert::Infallible>(())
        });
        read(items.map(Result::unwrap))
    };
    let no_task = || {
        read(stream! {
            for n in 0..2 {
                sleep(10 * MS).await;
                yield n;
            }
            pending::<()>().await;
        })
    };
    Figure::new("generators", "Two items, then a quiet source; dropped after 50 ms")
        .panel("a task that nobody holds", on_a_task)
        .panel("generate", owned)
        .panel("stream!, without a task", no_task)
        .check();
}
