use super::spawn::{Refused, send_receipt};
use std::panic;
use tokio::task::JoinError;

// ANCHOR: both
#[derive(Debug, thiserror::Error)]
enum ReceiptError {
    #[error("the mail server said no")]
    Refused(#[from] Refused),
    #[error("the task gave no answer")]
    Task(#[from] JoinError),
}

async fn receipt(order: u32) -> Result<&'static str, ReceiptError> {
    let answer = tokio::spawn(send_receipt(order)).await??;
    Ok(answer)
}
// ANCHOR_END: both

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ()));
    // ANCHOR: all
    for order in [1, 2, 3] {
        match receipt(order).await {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("{error}"),
        }
    }
    // ANCHOR_END: all
}
