use std::time::Duration;

use backend::figure::{Figure, lane};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::{AbortOnDropHandle, JoinMap, JoinQueue, TaskTracker};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Seven tasks of 60 ms each. After 25 ms, what started each of them is dropped.
async fn seven_tasks() {
    let task = |name| lane(name, sleep(ms(60)));
    let handle = tokio::spawn(task("JoinHandle"));
    let abort = tokio::spawn(task("AbortHandle")).abort_handle();
    let tracker = TaskTracker::new();
    drop(tracker.spawn(task("TaskTracker")));
    let on_drop = AbortOnDropHandle::new(tokio::spawn(task("AbortOnDropHandle")));
    let (mut set, mut map, mut queue) =
        (JoinSet::new(), JoinMap::new(), JoinQueue::new());
    set.spawn(task("JoinSet"));
    map.spawn("key", task("JoinMap"));
    queue.spawn(task("JoinQueue"));
    sleep(ms(25)).await;
    drop((handle, abort, tracker, on_drop, set, map, queue));
    sleep(ms(50)).await;
}

#[test]
fn owners() {
    Figure::new(
        "owners",
        "Seven tasks of 60 ms each; what holds them is dropped after 25 ms",
    )
    .panel("what holds the task", seven_tasks)
    .check();
}
