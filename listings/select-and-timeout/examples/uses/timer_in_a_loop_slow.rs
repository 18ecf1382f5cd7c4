use super::shown::timer_in_a_loop::serve;
use super::timer_in_a_loop::{LIMITS, client};
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let mut messages = client();
    // ANCHOR: slow
    let handle = async |text| {
        sleep(Duration::from_secs(40)).await; // a slow database
        println!("{:?}: {text}", start.elapsed());
    };
    // ANCHOR_END: slow
    let ping = || println!("{:?}: ping", start.elapsed());
    let end = serve(&mut messages, LIMITS, handle, ping).await;
    println!("{:?}: {end:?}", start.elapsed());
}
