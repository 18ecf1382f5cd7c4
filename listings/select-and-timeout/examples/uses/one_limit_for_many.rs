use select_and_timeout::one_limit_for_many::all_within;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: a request to the supplier. Here, Cleo needs 5 s.
pub(crate) async fn offer(supplier: &'static str) -> u32 {
    let (needs, price) = match supplier {
        "Ann" => (200, 31),
        "Ben" => (100, 28),
        _ => (5_000, 25),
    };
    sleep(Duration::from_millis(needs)).await;
    price
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let limit = Duration::from_millis(300);
    let calls = ["Ann", "Cleo", "Ben"].map(|name| (name, offer(name)));
    let report = all_within(limit, calls).await;

    println!("after {:?}", start.elapsed());
    for (name, price) in &report.done {
        println!("{name} wants {price}");
    }
    for (name, error) in &report.panicked {
        println!("{name}: {error}");
    }
    println!("not finished: {:?}", report.unfinished);
}
