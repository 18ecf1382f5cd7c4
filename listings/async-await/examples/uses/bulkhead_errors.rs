use super::bulkhead::ask;
use policy::bulkhead::{Bulkhead, BulkheadError, Limits, Refused};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: show
async fn show_reviews(reviews: &Bulkhead, customer: u32, millis: u64) {
    match reviews.call(|| ask(millis)).await {
        Ok(text) => println!("customer {customer}: {text}"),
        Err(BulkheadError::Refused(Refused::Closed)) => {
            println!("customer {customer}: the shop is closing");
        }
        Err(BulkheadError::Refused(refused)) => {
            println!("customer {customer}: a page without reviews ({refused})");
        }
        Err(BulkheadError::Call(error)) => {
            println!("customer {customer}: the service has failed ({error})");
        }
    }
}
// ANCHOR_END: show

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let calls = const { NonZeroUsize::new(2).unwrap() };
    let limits = Limits { calls, queue: 1, longest_wait: Duration::from_millis(100) };
    // ANCHOR: main
    let reviews = Bulkhead::new(limits);
    let shutdown = async {
        sleep(Duration::from_millis(50)).await;
        reviews.close(); // refuses all who come, and who wait
    };
    tokio::join!(
        show_reviews(&reviews, 1, 20_000),
        show_reviews(&reviews, 2, 30_000),
        show_reviews(&reviews, 3, 20), // waits until `close`
        show_reviews(&reviews, 4, 20),
        shutdown,
    );
    // ANCHOR_END: main
}
