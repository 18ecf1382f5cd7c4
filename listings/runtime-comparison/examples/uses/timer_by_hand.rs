use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join;
use runtime_comparison::runtime_by_hand::Lost;
use runtime_comparison::timer_by_hand::{JumpingClock, Timers, run_on};

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Asks a supplier. At work, a request; here, the answer comes after `wait`.
pub(crate) async fn price(timers: Timers, wait: Duration, euros: u32) -> u32 {
    timers.sleep(wait).await;
    euros
}

pub(crate) fn main() -> Result<(), Lost> {
    let clock = Arc::new(JumpingClock::new()); // at work: `run`, and no clock
    run_on(clock, |spawner, timers| async move {
        let start = timers.now();
        let north = spawner.spawn(price(timers.clone(), ms(30), 120));
        let south = spawner.spawn(price(timers.clone(), ms(50), 95));
        let (north, south) = try_join(north, south).await?;
        println!("North wants {north} euros, and South {south}");
        println!("after {:?}", timers.now() - start);
        Ok(())
    })
}
