use super::index::stock_of;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: select
    let start = Instant::now();
    // In your program: a future that ends when the connection is closed.
    let customer_leaves = sleep(Duration::from_millis(700));
    tokio::select! {
        stock = stock_of("tea") => println!("{stock} left"),
        () = customer_leaves => println!("the customer left after {:?}", start.elapsed()),
        () = sleep(Duration::from_secs(2)) => println!("no answer"),
    }
    // ANCHOR_END: select
}
