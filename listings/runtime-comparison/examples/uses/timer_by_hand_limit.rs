use std::sync::Arc;

use futures::future::{Either, select};

use super::shown::runtime_by_hand::Lost;
use super::shown::timer_by_hand::{JumpingClock, run_on};
use super::timer_by_hand::{ms, price};

pub(crate) fn main() -> Result<(), Lost> {
    let clock = Arc::new(JumpingClock::new());
    run_on(clock, |spawner, timers| async move {
        let start = timers.now();
        // ANCHOR: limit
        let east = spawner.spawn(price(timers.clone(), ms(80), 90));
        match select(east, timers.sleep(ms(60))).await {
            Either::Left((euros, _limit)) => println!("East wants {} euros", euros?),
            Either::Right(((), _east)) => println!("East has not answered"),
        }
        println!("after {:?}", timers.now() - start);
        // ANCHOR_END: limit
        Ok(())
    })
}
