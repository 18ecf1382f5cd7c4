use std::convert::Infallible;
use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::time::Duration;

use backend::figure::{Figure, observe};
use futures::future::join_all;
use futures::stream::{self, Stream, StreamExt};
use futures::{FutureExt, future::BoxFuture};
use stream_processing::stream_sources::{Page, feed, pages, prefetch};
use tokio::sync::mpsc;
use tokio::time::{interval, sleep, timeout};
use tokio_stream::wrappers::{IntervalStream, ReceiverStream};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Reads the stream to its end, `pause` after each item.
fn read<'a, S>(name: &str, stream: S, pause: Duration) -> BoxFuture<'a, ()>
where
    S: Stream<Item: Debug + Send> + Send + 'a,
{
    observe(name, stream).for_each(move |_| sleep(pause)).boxed()
}

/// Pages p1, p2, p3, each 60 ms after it was asked for.
fn list() -> impl Stream<Item = String> + Send {
    let fetch = |page: u8| async move {
        sleep(ms(60)).await;
        let next = (page < 3).then_some(page + 1);
        Ok::<_, Infallible>(Page { items: vec![page], next })
    };
    pages(1, fetch).map(|page| format!("p{}", page.map_or(0, |page| page[0])))
}

#[test]
fn stream_sources() {
    let all = || async {
        let (sender, receiver) = mpsc::channel(8);
        let sent = IntervalStream::new(interval(ms(40))).skip(1).take(3);
        let sent = feed(sent.enumerate().map(|(n, _)| format!("m{n}")), sender);
        let producer = tokio::spawn(sent);
        let ticks = IntervalStream::new(interval(ms(100)));
        let ticks = ticks.enumerate().map(|(n, _)| format!("t{n}"));
        let sources = [
            read("iter", stream::iter(["a"]), ms(0)),
            read("once", stream::once(sleep(ms(20)).map(|()| "b")), ms(0)),
            read("unfold (pages)", list(), ms(0)),
            read("channel", ReceiverStream::new(receiver), ms(0)),
            read("interval", ticks, ms(0)),
            read("pending", stream::pending::<()>(), ms(0)),
        ];
        let ended = timeout(ms(410), join_all(sources)).await;
        (ended.is_err(), producer.await)
    };
    let one = NonZeroUsize::MIN;
    Figure::new(
        "stream-sources",
        "Six sources read at once; a reader who takes its time",
    )
    .panel("Each source by itself, dropped at 410 ms", all)
    .panel("Pages of 60 ms, each read for 50 ms", || read("pages", list(), ms(50)))
    .panel("The same pages, fetched ahead by a task", || {
        read("pages, one ahead", prefetch(list(), one), ms(50))
    })
    .check();
}
