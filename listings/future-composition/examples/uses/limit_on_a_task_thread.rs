use future_composition::time_limit::{blocking_while_wanted, within};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

// ANCHOR: thread
/// At work: a long computation. It asks in each round whether anybody still waits.
fn largest_prime(unwanted: &CancellationToken) -> u64 {
    let mut largest = 2;
    for number in 3_u64.. {
        if unwanted.is_cancelled() {
            break; // nobody waits any more
        }
        if (2..number).all(|divisor| number % divisor != 0) {
            largest = number;
        }
    }
    largest
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let limit = Duration::from_millis(20);
    // ANCHOR: on_a_thread
    let answer = within("primes", limit, blocking_while_wanted(largest_prime)).await;
    // ANCHOR_END: on_a_thread
    match answer {
        Ok(Ok(prime)) => println!("{prime}"),
        Ok(Err(panicked)) => println!("{panicked}"),
        Err(timed_out) => println!("{}: too late", timed_out.what),
    }
}
// ANCHOR_END: thread
