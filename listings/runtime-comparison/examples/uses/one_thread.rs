use runtime_comparison::one_thread::{OneThread, ping_every};
use std::error::Error;
use std::sync::mpsc;
use std::time::Duration;
use tokio::time::sleep;

/// At work: asks the price server.
async fn price() -> u32 {
    sleep(Duration::from_millis(1)).await;
    42
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let runtime = OneThread::start()?;
    let (pinged, pings) = mpsc::channel();
    let ping = move || {
        let _ = pinged.send(()); // at work: sends a ping to the server
    };
    runtime.handle().spawn(ping_every(Duration::from_millis(10), ping));

    println!("price: {}", runtime.call(price())?);
    let _ = pings.try_iter().count(); // throw away earlier pings
    // Here, `main` is in no call. At work, it computes for a minute.
    println!("pings since then: {}", pings.iter().take(6).count());
    Ok(())
}
