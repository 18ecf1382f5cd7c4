use std::time::Duration;

use super::shown::let_others_run::for_each_with_budget;
use futures::stream;
use tokio::time::timeout;

use super::let_others_run::compute;

// ANCHOR: main
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut done = 0;
    // ANCHOR: work
    let work = for_each_with_budget(stream::iter(0..1_000), |number| {
        compute(number);
        done += 1;
    });
    // ANCHOR_END: work
    let end = timeout(Duration::from_millis(20), work).await;
    println!("{end:?} after {done} numbers");
}
// ANCHOR_END: main
