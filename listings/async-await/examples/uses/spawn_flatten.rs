use super::spawn::send_receipt;
use std::panic;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // The page shows what this names above.
    use async_await::spawn::{TaskError, flatten};

    panic::set_hook(Box::new(|_| ()));
    // ANCHOR: flatten
    match flatten(tokio::spawn(send_receipt(3)).await) {
        Ok(answer) => println!("{answer}"),
        Err(TaskError::Failed(refused)) => println!("{refused}"),
        Err(error) => println!("{error}"),
    }
    // ANCHOR_END: flatten
}
