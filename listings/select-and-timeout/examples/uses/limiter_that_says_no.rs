use futures::future::join_all;
use policy::limiter::{Limiter, Rate};
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::Instant;

async fn search(limiter: &Limiter, customer: u32, start: Instant) {
    let (one_token, patience) = (NonZeroU32::MIN, Duration::from_millis(900));
    match limiter.acquire_within(one_token, patience).await {
        Ok(()) => println!("{:?}: customer {customer} is served", start.elapsed()),
        Err(no) => println!("{:?}: customer {customer} is {no}", start.elapsed()),
    }
}

// The clock is paused, so the program ends at once. Delete `start_paused` to wait.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), policy::limiter::ZeroPeriod> {
    let (four, five) =
        const { (NonZeroU32::new(4).unwrap(), NonZeroU32::new(5).unwrap()) };
    let rate = Rate { tokens: four, per: Duration::from_secs(1), burst: five };
    let limiter = Limiter::new(rate)?;
    let start = Instant::now();
    join_all((1..=10).map(|customer| search(&limiter, customer, start))).await;
    Ok(())
}
