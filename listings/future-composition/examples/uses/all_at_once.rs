use std::time::Duration;
use tokio::join;
use tokio::time::{Instant, sleep};

/// At work: asks a service.
pub(crate) async fn look_up(table: &str, millis: u64) -> String {
    sleep(Duration::from_millis(millis)).await;
    println!("{table}: the answer is here");
    format!("{table} of user 7")
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let (name, orders, balance) =
        join!(look_up("name", 40), look_up("orders", 100), look_up("balance", 60));
    println!("{name}, {orders}, {balance}: after {:?}", start.elapsed());
}
