use super::retry_layers::{print_causes, rng};
use super::shown::retry_layers::{BankError, RetryBudget};
use futures::future::join_all;
use policy::Retry;
use std::cell::Cell;
use std::future::ready;
use std::num::NonZeroU32;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let retry = Retry::default(); // three attempts
    let calls = Cell::new(0);
    let ask_bank = || {
        calls.set(calls.get() + 1);
        ready(Err::<(), _>(BankError::Down))
    };
    // ANCHOR: budget
    let most_retries = const { NonZeroU32::new(10).unwrap() };
    let successes_per_retry = const { NonZeroU32::new(10).unwrap() };
    // At work: in an `Arc`, for all callers of the bank.
    let budget = RetryBudget::new(most_retries, successes_per_retry);
    let orders = (0..100)
        .map(|_| async { budget.run(&retry, &mut rng(), |_attempt| ask_bank()).await });
    let paid = join_all(orders).await;
    println!("100 orders, {} calls of the bank", calls.get());
    if let Some(Err(error)) = paid.last() {
        print_causes(error);
    }
    // ANCHOR_END: budget
}
