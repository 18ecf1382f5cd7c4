use policy::bulkhead::{Bulkhead, Limits};
use std::{io, num::NonZeroUsize, time::Duration};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Asks a service that needs so many milliseconds for its answer.
pub(crate) async fn ask(millis: u64) -> io::Result<&'static str> {
    sleep(Duration::from_millis(millis)).await;
    Ok("done")
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let calls = const { NonZeroUsize::new(2).unwrap() };
    let limits = Limits { calls, queue: 1, longest_wait: Duration::from_millis(100) };
    let (payments, reviews) = (Bulkhead::new(limits), Bulkhead::new(limits));
    let begin = Instant::now();
    let mut customers = JoinSet::new();
    for customer in 1..=4 {
        let (payments, reviews) = (payments.clone(), reviews.clone());
        customers.spawn(async move {
            let paid = payments.call(|| ask(20)).await;
            println!("{:?}: payment {customer}: {paid:?}", begin.elapsed());
            let read = reviews.call(|| ask(30_000)).await; // the service hangs
            println!("{:?}: reviews {customer}: {read:?}", begin.elapsed());
        });
        sleep(Duration::from_millis(30)).await; // until the next customer comes
    }
    customers.join_all().await;
}
