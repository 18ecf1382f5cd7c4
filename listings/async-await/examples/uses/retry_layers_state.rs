use super::retry_layers::rng;
use super::shown::retry_layers::{BankError, run_mut};
use policy::Retry;

// ANCHOR: state
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut calls = 0;
    let attempt = async |_number| {
        calls += 1;
        Err::<(), _>(BankError::Down)
    };
    let paid = run_mut(&Retry::default(), &mut rng(), attempt).await;
    println!("{calls} calls of the bank: {paid:?}");
}
// ANCHOR_END: state
