use std::pin::pin;
use std::time::Duration;
use tokio::select;
use tokio::time::{interval, sleep};

/// At work: sends a file, which needs 250 ms.
pub(crate) async fn upload() -> &'static str {
    sleep(Duration::from_millis(250)).await;
    "uploaded"
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut upload = pin!(upload()); // one upload, made before the loop
    let mut ticks = interval(Duration::from_millis(100));
    loop {
        select! {
            result = &mut upload => {
                println!("{result}");
                break; // the upload has ended: do not poll it again
            }
            _ = ticks.tick() => println!("still busy"),
        }
    }
}
