use super::until_both_end::shop;
use std::time::Duration;
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::sleep;

// ANCHOR: print
/// In your program: prints a receipt.
async fn print(sale: String) -> String {
    sleep(Duration::from_millis(100)).await;
    sale
}
// ANCHOR_END: print

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut town = shop("town", 3, 10);
    let mut web = shop("web", 5, 14);
    // ANCHOR: tasks
    let mut tasks = JoinSet::new();
    loop {
        select! {
            Some(sale) = town.recv() => { tasks.spawn(print(sale)); }
            Some(sale) = web.recv() => { tasks.spawn(print(sale)); }
            Some(result) = tasks.join_next() => match result {
                Ok(sale) => println!("printed: {sale}"),
                Err(error) => println!("not printed: {error}"), // the task panicked
            },
            else => break, // both have closed, and no task is left
        }
    }
    // ANCHOR_END: tasks
}
