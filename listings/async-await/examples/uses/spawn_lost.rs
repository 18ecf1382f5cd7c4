use super::spawn::send_receipt;
use std::panic;
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: accept
fn accept(order: u32) -> String {
    tokio::spawn(send_receipt(order)); // nobody keeps what `spawn` returns
    format!("order {order}: thank you")
}
// ANCHOR_END: accept

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ()));
    for order in [1, 2, 3] {
        println!("{}", accept(order));
    }
    sleep(Duration::from_secs(1)).await;
}
