use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep};
use tokio::try_join;
use tokio_util::task::AbortOnDropHandle;

#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("the service refuses")]
    Refused,
    #[error("a task was lost")] // it panicked, for example
    Lost(#[from] JoinError),
}

/// At work: asks a service. The service of the names refuses each request.
pub(crate) async fn look_up(table: &str, millis: u64) -> Result<u64, LookupError> {
    sleep(Duration::from_millis(millis)).await;
    println!("{table}: the answer is here");
    if table == "name" { Err(LookupError::Refused) } else { Ok(millis) }
}

/// Looks up in a task of its own, and aborts the task if this future is dropped.
async fn in_own_task(table: &'static str, millis: u64) -> Result<u64, LookupError> {
    let task = AbortOnDropHandle::new(tokio::spawn(look_up(table, millis)));
    task.await? // this `?` is for a task that was lost
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let account = try_join!(
        in_own_task("name", 10),
        in_own_task("orders", 30),
        in_own_task("balance", 60),
    );
    println!("{account:?} after {:?}", start.elapsed());
    sleep(Duration::from_secs(1)).await; // a task that runs prints its line now
}
