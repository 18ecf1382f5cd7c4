use futures::future::join_all;
use policy::adaptive_limit::AdaptiveLimit;
use std::{io, num::NonZeroUsize, time::Duration};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// Asks a service. A worker needs 100 ms for an answer, and calls wait for a worker.
async fn ask(workers: &Semaphore) -> io::Result<()> {
    let _worker = workers.acquire().await.map_err(io::Error::other)?;
    sleep(Duration::from_millis(100)).await;
    Ok(())
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let most = const { NonZeroUsize::new(20).unwrap() };
    let limit = AdaptiveLimit::new(most, Duration::from_millis(150));
    for count in [8, 4] {
        let workers = Semaphore::new(count);
        print!("{count} workers:");
        for _round in 0..14 {
            // Twelve callers at the same time. Those above the limit are refused.
            let calls = (0..12).map(|_| limit.call(|| ask(&workers)));
            let answered = join_all(calls).await.iter().filter(|it| it.is_ok()).count();
            print!(" {answered}");
        }
        println!(" answered; the limit is {}", limit.limit());
    }
}
