use select_and_timeout::is_it_well::{Monitor, Rule};
use std::future::pending;
use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::Instant;

/// At work: asks the stock service over the network. Here, check 4 is refused, and the
/// checks 6 to 8 get no answer.
async fn ask_stock(check: u32) -> Result<(), ErrorKind> {
    match check {
        4 => Err(ErrorKind::ConnectionRefused),
        6..=8 => pending().await,
        _ => Ok(()),
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let rule = Rule {
        every: Duration::from_secs(10),
        limit: Duration::from_secs(1),
        fails: const { NonZeroU32::new(3).unwrap() },
        passes: const { NonZeroU32::new(2).unwrap() },
        stale: Duration::from_secs(25),
    };
    let (start, mut checks) = (Instant::now(), 1..);
    let ask = move || ask_stock(checks.next().unwrap_or(0));
    let stock = Monitor::start(rule, ask);

    let mut results = stock.results();
    for _ in 1..=10 {
        let _stopped = results.changed().await;
        if let Some(seen) = &*results.borrow_and_update() {
            let at = seen.at - start;
            println!("{at:?}: {:?}, so it is well: {}", seen.last, seen.well);
        }
    }
}
