use std::future::Future;
use std::time::Duration;

use backend::figure::{Figure, try_lane};
use backend::{Page, Reply, Site, SiteError};
use future_composition::fail_fast::{all_or_error, in_task, naive};
use tokio_util::task::TaskTracker;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The lookup at `path`, with a lane from its first poll. That of the name fails, and is the first to end.
async fn look_up(path: &'static str) -> Result<Page, SiteError> {
    let site = Site::default()
        .with_reply("name", Reply::status(ms(10), 500))
        .with_page("orders", ms(30))
        .with_page("balance", ms(60));
    try_lane(path, site.fetch(path)).await
}

const PATHS: [&str; 3] = ["name", "orders", "balance"];

/// Runs the caller, and stays until no lookup is left.
async fn call<T: Send, E: Send>(
    tracker: TaskTracker,
    all: impl Future<Output = Result<T, E>> + Send,
) {
    assert!(try_lane("caller", all).await.is_err());
    tracker.close();
    tracker.wait().await;
}

#[test]
fn fail_fast() {
    Figure::new(
        "fail-fast",
        "The name fails after 10 ms: what becomes of the other lookups",
    )
    .panel("futures: dropped", || {
        let tracker = TaskTracker::new();
        let [name, orders, balance] =
            PATHS.map(|path| tracker.track_future(look_up(path)));
        call(tracker, all_or_error(name, orders, balance))
    })
    .panel("tasks: detached", || {
        let tracker = TaskTracker::new();
        let [name, orders, balance] =
            PATHS.map(|path| naive::in_task(tracker.track_future(look_up(path))));
        call(tracker, all_or_error(name, orders, balance))
    })
    .panel("tasks: aborted", || {
        let tracker = TaskTracker::new();
        let [name, orders, balance] =
            PATHS.map(|path| in_task(tracker.track_future(look_up(path))));
        call(tracker, all_or_error(name, orders, balance))
    })
    .check();
}
