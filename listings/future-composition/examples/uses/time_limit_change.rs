use future_composition::time_limit::{replace_after, within};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::sleep;

// ANCHOR: change
/// At work: asks a server for one more price. The server needs 100 ms.
async fn with_one_more(mut prices: Vec<u32>) -> Result<Vec<u32>, Infallible> {
    sleep(Duration::from_millis(100)).await;
    prices.push(90);
    Ok(prices)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let prices = Mutex::new(vec![250]);
    for limit in [40, 400].map(Duration::from_millis) {
        let change = replace_after(&prices, with_one_more);
        match within("new price", limit, change).await {
            Ok(Ok(())) => println!("changed: {:?}", prices.lock().await),
            Err(_too_late) => println!("too late: {:?}", prices.lock().await),
        }
    }
}
// ANCHOR_END: change
