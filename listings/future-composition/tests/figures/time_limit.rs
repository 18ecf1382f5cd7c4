use std::time::Duration;

use backend::Site;
use backend::figure::{Figure, lane, try_lane};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

const LIMIT: Duration = Duration::from_millis(40);

#[test]
fn time_limit() {
    let site = || Site::default().with_page("/slow", Duration::from_millis(100));
    let the_rest = || sleep(Duration::from_millis(80));
    Figure::new("time-limit", "A limit of 40 ms on a call of 100 ms")
        .panel("timeout(limit, future)", async || {
            let call = lane("future", site().fetch("/slow"));
            try_lane("caller", timeout(LIMIT, call)).await.ok();
            the_rest().await;
        })
        .panel("timeout(limit, JoinHandle)", async || {
            let task = tokio::spawn(lane("task", site().fetch("/slow")));
            try_lane("caller", timeout(LIMIT, task)).await.ok();
            the_rest().await;
        })
        .panel("timeout(limit, AbortOnDropHandle)", async || {
            let task = tokio::spawn(lane("task", site().fetch("/slow")));
            let task = AbortOnDropHandle::new(task);
            try_lane("caller", timeout(LIMIT, task)).await.ok();
            the_rest().await;
        })
        .check();
}
