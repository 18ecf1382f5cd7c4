use select_and_timeout::what_a_limit_costs::{naive, until_silent};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// In your program: a connection. 10,000 messages in 30 seconds.
fn messages() -> (mpsc::Sender<u32>, mpsc::Receiver<u32>) {
    let (sender, receiver) = mpsc::channel(16);
    let open = sender.clone(); // as long as this lives, the channel does not end
    tokio::spawn(async move {
        for n in 0..10_000 {
            sleep(Duration::from_millis(3)).await;
            if sender.send(n).await.is_err() {
                return; // nobody reads any more
            }
        }
    });
    (open, receiver)
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_secs(1);
    let (_open, mut received) = messages();
    let each = naive::until_silent(&mut received, limit, |_| {}).await;
    println!("a timeout for each message: {} timers", each.timers);

    let (_open, mut received) = messages();
    let one = until_silent(&mut received, limit, |_| {}).await;
    println!("one timer, set again when it fires: {} timers", one.timers);
}
