use std::time::Duration;

use backend::figure::{Figure, observe, tally};
use futures::stream::{self, StreamExt};
use stream_processing::publish_subscribe::{disconnect, go_on};
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;
use tokio_stream::wrappers::WatchStream;

/// How long the slow subscriber is busy with each message.
const BUSY: Duration = Duration::from_millis(37);

/// 1 to 8, one every 10 ms, and then the end.
fn publish(mut send: impl FnMut(u64)) -> impl Future<Output = ()> {
    let messages = stream::iter(1..=8).then(|n| async move {
        sleep(Duration::from_millis(10)).await;
        n
    });
    observe("sent", messages).for_each(move |n| {
        send(n);
        async {}
    })
}

#[test]
fn publish_subscribe() {
    Figure::new(
        "publish-subscribe",
        "A message every 10 ms; a subscriber needs 37 for each",
    )
    .panel("broadcast, with room for two", async || {
        let (sender, quick) = broadcast::channel(2);
        let (slow, strict) = (sender.subscribe(), sender.subscribe());
        let count = |missed: u64| (0..missed).for_each(|_| tally("missed"));
        let strict = disconnect(strict)
            .map(|message| message.map_or("error".into(), |n: u64| n.to_string()));
        tokio::join!(
            publish(move |n| drop(sender.send(n))),
            observe("quick", go_on(quick, |_| ())).for_each(|_| async {}),
            observe("slow, go_on", go_on(slow, count)).for_each(|_| sleep(BUSY)),
            observe("slow, disconnect", strict).for_each(|_| sleep(BUSY)),
        )
    })
    .panel("watch", async || {
        let (sender, quick) = watch::channel(0);
        let slow = WatchStream::from_changes(quick.clone());
        let quick = WatchStream::from_changes(quick);
        tokio::join!(
            publish(move |n| _ = sender.send(n)),
            observe("quick", quick).for_each(|_| async {}),
            observe("slow", slow).for_each(|_| sleep(BUSY)),
        )
    })
    .check();
}
