use std::time::Duration;

use super::shown::let_others_run::{Counter, for_each_with_budget};
use tokio::time::timeout;

use super::let_others_run::compute;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut done = 0;
    // ANCHOR: work
    let work = for_each_with_budget(Counter::below(1_000), |number| {
        compute(number);
        done += 1;
    });
    // ANCHOR_END: work
    let end = timeout(Duration::from_millis(20), work).await;
    println!("{end:?} after {done} numbers");
}
