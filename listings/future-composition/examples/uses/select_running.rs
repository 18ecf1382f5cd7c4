use super::select::upload;
use std::pin::pin;
use std::time::Duration;
use tokio::select;
use tokio::time::interval;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut upload = pin!(upload());
    let mut ticks = interval(Duration::from_millis(100));
    // ANCHOR: running
    let mut running = true;
    for _round in 1..=6 {
        select! {
            result = &mut upload, if running => {
                println!("{result}");
                running = false; // from now on, `upload` is not polled
            }
            _ = ticks.tick() => println!("a tick"),
        }
    }
    // ANCHOR_END: running
}
