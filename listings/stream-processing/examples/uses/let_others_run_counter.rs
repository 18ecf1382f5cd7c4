use std::time::Duration;

use super::shown::let_others_run::Counter;
use futures::stream::StreamExt;
use tokio::time::timeout;

use super::let_others_run::compute;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut done = 0;
    // ANCHOR: work
    let work = Counter::below(1_000).for_each(|number| {
        compute(number);
        done += 1;
        std::future::ready(()) // `for_each` needs a closure that returns a future
    });
    // ANCHOR_END: work
    let end = timeout(Duration::from_millis(20), work).await;
    println!("{end:?} after {done} numbers");
}
