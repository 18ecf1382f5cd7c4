use super::one_limit_for_many::offer;
use super::shown::one_limit_for_many::first_within;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let limit = Duration::from_millis(300);
    let calls = ["Ann", "Cleo", "Ben"].map(|name| (name, offer(name)));
    // ANCHOR: first
    let report = first_within(limit, 2, calls).await;
    // ANCHOR_END: first

    println!("after {:?}", start.elapsed());
    for (name, price) in &report.done {
        println!("{name} wants {price}");
    }
    for (name, error) in &report.panicked {
        println!("{name}: {error}");
    }
    println!("not finished: {:?}", report.unfinished);
}
