use super::borrow::convert;
use async_await::borrow::change_in_tasks;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: tasks
    match change_in_tasks(vec![1, 2, 3, 4, 5], convert).await {
        Ok(prices) => println!("{prices:?}"),
        Err(panic) => println!("{panic}"),
    }
    // ANCHOR_END: tasks
}
