use super::hedge::ask;
use super::shown::hedge::hedge_within;
use futures::future::join_all;
use std::time::Duration;
use tokio::sync::Semaphore;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: within
    let after = Duration::from_millis(50);
    let backups = Semaphore::new(2); // at most two backups at the same time
    let lookups = (0..5).map(|_| {
        let primary = ask("primary", 90, true);
        hedge_within(primary, after, &backups, || ask("mirror", 20, true))
    });
    for answer in join_all(lookups).await {
        println!("{answer:?}");
    }
    // ANCHOR_END: within
}
