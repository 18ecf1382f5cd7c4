use super::a_task::send_receipt;
use std::panic;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ())); // the page says what a panic prints to stderr
    // ANCHOR: panic
    match tokio::spawn(send_receipt(0)).await {
        Ok(mail) => println!("mail {mail}"),
        Err(error) if error.is_panic() => println!("the task has panicked"),
        Err(error) => println!("the task was aborted: {error}"),
    }
    println!("main goes on");
    // ANCHOR_END: panic
}
