use std::num::NonZeroUsize;
use std::time::Duration;

use backend::figure::{Figure, lane, observe};
use futures::StreamExt;
use futures::stream;
use stream_processing::two_stream_exts::{spaced, until_silence};
use tokio::time::sleep;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn two_stream_exts() {
    let two = NonZeroUsize::new(2).unwrap();
    Figure::new("two-stream-exts", "What both of them make of a stream")
        .panel("spaced: 10 ms apart, two at a time, each takes 25", async || {
            let work = |n: u32| {
                let work = lane(&format!("work {n}"), sleep(ms(25)));
                async move {
                    work.await;
                    n
                }
            };
            observe("answers", spaced(1..=5, ms(10), two, work)).count().await
        })
        .panel("until_silence: of 30 ms", async || {
            let source = stream::iter([10, 12, 14, 45, 10]).then(async |pause| {
                sleep(ms(pause)).await;
                pause
            });
            let source = observe("source", source.enumerate().map(|(n, _)| n + 1));
            observe("until silence", until_silence(source, ms(30))).count().await
        })
        .check();
}
