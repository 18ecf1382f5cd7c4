use super::one_limit_for_many::offer;
use super::shown::one_limit_for_many::all_within;
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let limit = Duration::from_millis(300);
    // ANCHOR: each
    let each = Duration::from_millis(150);
    let calls = ["Ann", "Ben"].map(|name| (name, timeout(each, offer(name))));
    let report = all_within(limit, calls).await;

    println!("after {:?}", start.elapsed());
    for (name, answer) in &report.done {
        match answer {
            Ok(price) => println!("{name} wants {price}"),
            Err(_elapsed) => println!("{name} is too slow"),
        }
    }
    // ANCHOR_END: each
    println!("not finished: {:?}", report.unfinished);
}
