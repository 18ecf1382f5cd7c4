use super::worker_pool::{Printer, SETTINGS};
use async_await::worker_pool::{Refused, WorkerPool};
use tokio::task::yield_now;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: try_submit
    let pool = WorkerPool::new(SETTINGS, |number| Printer { number });
    for order in 1..=14 {
        match pool.try_submit(order) {
            Ok(_handle) => yield_now().await, // lets a free worker take the order
            Err(Refused::Full(order)) => println!("no room for order {order}"),
            Err(Refused::Closed(order)) => println!("too late for order {order}"),
        }
    }
    pool.shutdown().await;
    // ANCHOR_END: try_submit
}
