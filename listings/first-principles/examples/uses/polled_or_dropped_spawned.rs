use super::polled_or_dropped::approval;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

// ANCHOR: between_banks
/// Moves money between two banks. It must await between the two changes.
async fn between_banks(
    from: &Mutex<u64>,
    to: &Mutex<u64>,
    amount: u64,
) -> io::Result<()> {
    *from.lock().await -= amount; // at work: look first whether there is enough
    if let Err(error) = approval().await {
        *from.lock().await += amount; // the other bank says no: the money goes back
        return Err(error);
    }
    *to.lock().await += amount;
    Ok(())
}
// ANCHOR_END: between_banks

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: spawned
    let banks = Arc::new((Mutex::new(100), Mutex::new(0)));
    let owned = Arc::clone(&banks); // a task must own what it uses
    let task = tokio::spawn(async move { between_banks(&owned.0, &owned.1, 10).await });

    let limit = Duration::from_millis(30);
    match timeout(limit, task).await {
        Ok(Ok(end)) => println!("it has ended: {end:?}"),
        Ok(Err(panic)) => println!("it has panicked: {panic}"),
        Err(_) => println!("no answer after {limit:?}"),
    }
    println!("{}, {}", banks.0.lock().await, banks.1.lock().await);
    sleep(limit).await; // at work: the service goes on
    println!("{}, {}", banks.0.lock().await, banks.1.lock().await);
    // ANCHOR_END: spawned
}
