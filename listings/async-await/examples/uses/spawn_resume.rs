use super::spawn::send_receipt;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // The page shows what this names above.
    use async_await::spawn::value_or_panic;

    // ANCHOR: resume
    let task = tokio::spawn(send_receipt(1)); // with order 3, `main` would panic too
    println!("{:?}", value_or_panic(task).await);
    // ANCHOR_END: resume
}
