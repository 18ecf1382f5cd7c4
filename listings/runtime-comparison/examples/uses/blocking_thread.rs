//! A scanner is read for ever, on a thread of its own.

use std::error;
use tokio::sync::mpsc;

use super::shown::blocking::on_own_thread;

/// What its driver does: it blocks until somebody scans, or until the cable is out.
fn scan(codes: &mut impl Iterator<Item = u32>) -> Option<u32> {
    codes.next()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn error::Error>> {
    let mut codes = [4006, 4007, 4008].into_iter();
    // ANCHOR: thread
    let (events, mut received) = mpsc::channel(8);
    let end = on_own_thread("scanner", move || {
        while let Some(code) = scan(&mut codes) {
            if events.blocking_send(code).is_err() {
                return "nobody reads its codes";
            }
        }
        "the cable is out"
    })?;
    while let Some(code) = received.recv().await {
        println!("code {code}");
    }
    println!("the scanner has ended: {}", end.await?);
    // ANCHOR_END: thread
    Ok(())
}
