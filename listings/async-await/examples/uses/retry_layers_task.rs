use super::retry_layers::rng;
use super::shown::retry_layers::{BankError, in_a_task};
use policy::Retry;
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: task
/// Prints when it is dropped.
struct Gone(u32);

impl Drop for Gone {
    fn drop(&mut self) {
        println!("attempt {} is gone", self.0);
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Some(Duration::from_secs(1));
    let retry = Retry { limit, ..Retry::default() };
    let attempt = |number| {
        in_a_task(async move {
            println!("attempt {number} asks the bank");
            let _gone = Gone(number);
            sleep(Duration::from_secs(60)).await; // the bank is silent
            Ok::<(), BankError>(())
        })
    };
    if let Err(error) = retry.run(&mut rng(), attempt).await {
        println!("{error}");
    }
}
// ANCHOR_END: task
