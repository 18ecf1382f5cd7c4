use std::panic;
use std::time::Duration;
use tokio::time::sleep;

/// In your program: writes an order into a database. One order makes it panic.
pub(crate) async fn write(number: u64) {
    sleep(Duration::from_millis(10 * number)).await;
    assert_ne!(number, 2, "order 2 has no items");
    println!("order {number} is written");
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ())); // in your program: leave this line out
    for number in 1..=4 {
        tokio::spawn(write(number));
    }
    sleep(Duration::from_millis(35)).await; // the server runs for a while
    println!("four orders are taken");
}
