use std::time::Duration;

use backend::Site;
use backend::figure::{Figure, lane, observe};
use futures::StreamExt;
use stream_processing::ticks::ticks as ticks_at;
use tokio::time::MissedTickBehavior::{Burst, Delay, Skip};
use tokio::time::{Instant, MissedTickBehavior, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The consumer makes a call of 350 ms at the first tick.
async fn one_stall(missed: MissedTickBehavior) {
    let site = Site::default().with_page("stall", ms(350));
    let ticks = ticks_at(Instant::now(), ms(100), missed).unwrap();
    let numbers = observe("ticks", ticks.enumerate().map(|(n, _)| n + 1));
    let work = numbers.for_each(|n| {
        let site = site.clone();
        async move {
            if n == 1 {
                drop(site.fetch("stall").await);
            }
        }
    });
    let _ = timeout(ms(690), lane("consumer", work)).await;
}

#[test]
fn ticks() {
    Figure::new("ticks", "A tick every 100 ms; the consumer stalls once, for 350 ms")
        .panel("Burst: what was missed comes at once", || one_stall(Burst))
        .panel("Delay: one late tick, and all the others shifted", || one_stall(Delay))
        .panel("Skip: one late tick, then back to full hundreds", || one_stall(Skip))
        .check();
}
