use select_and_timeout::stop_in_time::stop_tasks;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// At work: sends one mail after another. Looks at `stop` between two mails.
pub(crate) async fn send_mails(stop: CancellationToken) {
    while !stop.is_cancelled() {
        sleep(Duration::from_secs(1)).await;
    }
}

/// At work: exports all orders. Nobody has taught it to stop.
pub(crate) async fn export() {
    sleep(Duration::from_hours(1)).await;
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(send_mails(stop.clone()));
    tasks.spawn(export());
    sleep(Duration::from_millis(500)).await; // at work: until a signal comes

    let begun = Instant::now();
    let finish = begun + Duration::from_secs(6);
    let gone = begun + Duration::from_secs(7);
    let report = stop_tasks(tasks, &stop, finish, gone).await;
    println!("{report:?}");
    println!("after {:?}", begun.elapsed());
}
