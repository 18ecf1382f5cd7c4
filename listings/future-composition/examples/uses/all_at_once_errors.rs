use std::time::Duration;
use tokio::join;
use tokio::time::sleep;

// ANCHOR: errors
#[derive(Debug, thiserror::Error)]
#[error("the service is down")]
pub(crate) struct Down;

/// At work: asks a service that is down.
pub(crate) async fn look_up_orders() -> Result<String, Down> {
    sleep(Duration::from_millis(20)).await;
    Err(Down)
}

/// At work: asks another service.
pub(crate) async fn look_up_balance() -> Result<u32, Down> {
    sleep(Duration::from_millis(60)).await;
    Ok(70)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (orders, balance) = join!(look_up_orders(), look_up_balance());
    match orders {
        Ok(orders) => println!("{orders}"),
        Err(error) => println!("the page has no orders: {error}"),
    }
    println!("{balance:?}");
}
// ANCHOR_END: errors
