use future_composition::guard_in_a_match::load_once;
use std::io;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// At work: asks a server, which needs 10 ms.
async fn load_rate() -> io::Result<u32> {
    println!("the rate is loaded");
    sleep(Duration::from_millis(10)).await;
    Ok(108)
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> io::Result<()> {
    let rate = Mutex::new(None); // empty until somebody has loaded it
    let start = Instant::now();
    let (first, second) =
        tokio::try_join!(load_once(&rate, load_rate), load_once(&rate, load_rate))?;
    println!("{first} and {second} after {:?}", start.elapsed());
    Ok(())
}
