use super::spawn::{Receipt, send_receipt};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: owner
fn accept(order: u32) -> (String, AbortOnDropHandle<Receipt>) {
    let task = AbortOnDropHandle::new(tokio::spawn(send_receipt(order)));
    (format!("order {order}: thank you"), task)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (answer, task) = accept(2);
    println!("{answer}");
    println!("{:?}", task.await);
}
// ANCHOR_END: owner
