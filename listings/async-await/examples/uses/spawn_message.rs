use super::spawn::send_receipt;
use std::panic;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // The page shows what this names above.
    use async_await::spawn::what_it_said;

    panic::set_hook(Box::new(|_| ()));
    // ANCHOR: message
    if let Err(error) = tokio::spawn(send_receipt(3)).await {
        println!("{:?}", what_it_said(error));
    }
    // ANCHOR_END: message
}
