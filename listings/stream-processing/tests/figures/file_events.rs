use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backend::figure::{Figure, observe};
use futures::stream::{self, Stream, StreamExt};
use stream_processing::file_events::{Pause, latest};
use tokio::time::{Instant, sleep_until};

const PAUSE: Pause =
    Pause { quiet: Duration::from_millis(50), at_most: Duration::from_millis(200) };

/// A new version of the file at each of these times, in milliseconds; the hint says no more than that.
fn saves<'a>(
    version: &'a AtomicUsize,
    times: &'a [u64],
) -> impl Stream<Item = &'static str> + Send + 'a {
    let start = Instant::now();
    let saves = stream::iter(times).then(move |at| async move {
        sleep_until(start + Duration::from_millis(*at)).await;
        version.fetch_add(1, Ordering::SeqCst);
        "*"
    });
    saves.chain(stream::pending())
}

/// Reads the file after each burst, as often as given.
async fn read_again(times: &[u64], reads: usize) {
    let version = AtomicUsize::new(0);
    let hints = observe("hints", saves(&version, times)).map(Ok::<_, Infallible>);
    let read = || ready(format!("v{}", version.load(Ordering::SeqCst)));
    let found = latest(hints, PAUSE, read).map(|Ok(version)| version);
    observe("reads", found).take(reads).collect::<Vec<_>>().await;
}

#[test]
fn file_events() {
    let never_quiet: Vec<_> = (1..20).map(|number| number * 30).collect();
    let bursts = [60, 80, 100, 120, 260];
    Figure::new("file-events", "A hint says that something happened; a read says what")
        .panel("a save in four steps, and another later", || read_again(&bursts, 3))
        .panel("a file that is never quiet for 50 ms", || read_again(&never_quiet, 3))
        .check();
}
