use super::shown::fail_fast::settle;
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: transfer
#[derive(Debug, thiserror::Error)]
#[error("the bank refuses")]
struct Refused;

/// At work: changes the account of one customer, and then writes a line in the journal.
async fn book(customer: &str, amount: i32) -> Result<(), Refused> {
    sleep(Duration::from_millis(5)).await;
    if customer == "nobody" {
        return Err(Refused);
    }
    println!("{customer}: the account is changed by {amount}");
    sleep(Duration::from_millis(20)).await;
    println!("{customer}: the journal has a line");
    Ok(())
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    println!("{:?}", settle(book("Ada", -50), book("nobody", 50)).await);
}
// ANCHOR_END: transfer
