use first_principles::polled_or_dropped::{Accounts, transfer};
use std::io;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// At work: asks a second person. The answer comes after 50 ms.
pub(crate) async fn approval() -> io::Result<()> {
    sleep(Duration::from_millis(50)).await;
    Ok(())
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let accounts = Mutex::new(Accounts { from: 100, to: 0 });
    for limit in [30, 60] {
        let limit = Duration::from_millis(limit);
        match timeout(limit, transfer(&accounts, 10, approval())).await {
            Ok(Ok(())) => println!("moved within {limit:?}"),
            Ok(Err(error)) => println!("not moved: {error}"),
            Err(_) => println!("dropped after {limit:?}"),
        }
        println!("  {:?}", accounts.lock().await);
    }
}
