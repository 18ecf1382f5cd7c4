use std::time::Duration;

use backend::figure::{Figure, Observed, lane, observe};
use futures::stream::{self, Stream, StreamExt};
use tokio::time::sleep;

/// Products 1 to 6, one every 10 ms.
fn products() -> Observed<'static, u32> {
    let numbers = stream::iter(1..=6).then(|n| async move {
        sleep(Duration::from_millis(10)).await;
        n
    });
    observe("products", numbers)
}

/// Asks for the price of a product, which needs 25 ms.
async fn ask(product: u32) -> u32 {
    let price = async move {
        sleep(Duration::from_millis(25)).await;
        product
    };
    lane(&format!("ask for {product}"), price).await
}

/// Reads the prices to their end.
async fn read(part: impl Stream<Item = u32> + Send) {
    observe("prices", part).count().await;
}

#[test]
fn lend_a_stream() {
    let first = || async {
        let mut products = products();
        read(products.by_ref().take(3).map(ask).buffered(2)).await;
        observe("what is left", products).count().await
    };
    let last = || async {
        let mut products = products();
        read(products.by_ref().map(ask).buffered(2).take(3)).await;
        observe("what is left", products).count().await
    };
    Figure::new("lend-a-stream", "A product every 10 ms; three prices, two at a time")
        .panel("take(3), then buffered(2): 4 is left", first)
        .panel("buffered(2), then take(3): 4 is asked for, and lost", last)
        .check();
}
