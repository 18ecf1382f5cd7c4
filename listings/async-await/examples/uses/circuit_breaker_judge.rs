use policy::breaker::{Breaker, BreakerPolicy, InvalidBreaker, Verdict};
use std::{num::NonZeroU32, time::Duration};
use tokio::time::sleep;

// ANCHOR: judge
/// At work: a call of the bank, and the status that it answers with.
async fn charge(order: u32) -> Result<String, u16> {
    sleep(Duration::from_millis(20)).await;
    match order {
        1 => Err(404), // no such account
        2 => Err(503), // the bank does not work
        _ => Ok(format!("receipt {order}")),
    }
}

/// What a call says about the bank.
fn judge(result: &Result<String, u16>) -> Verdict {
    match result {
        Err(500..) => Verdict::Failure,
        Ok(_) | Err(_) => Verdict::Success, // a 404 is an answer: the bank works
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), InvalidBreaker> {
    let policy = BreakerPolicy {
        failures: NonZeroU32::MIN, // one failure opens it
        jitter: Duration::ZERO,
        ..BreakerPolicy::default()
    };
    let breaker = Breaker::new(policy, &mut rand::rng())?;
    for order in 1..=3 {
        let paid = breaker.call_with(judge, || charge(order)).await;
        println!("order {order}: {paid:?}");
    }
    Ok(())
}
// ANCHOR_END: judge
