use futures::stream::{self, StreamExt};
use std::time::Duration;
use stream_processing::lend_a_stream::prices;
use tokio::time::sleep;

/// In your program: asks a supplier. It needs 10 ms.
async fn ask(product: String) -> String {
    println!("ask for {product}");
    sleep(Duration::from_millis(10)).await;
    format!("{product}: {} cents", 10 * product.len())
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let list = ["tea", "milk", "bread", "oil"].map(String::from);
    let mut products = stream::iter(list);
    println!("{:?}", prices(&mut products, 2, ask).await);
    println!("then: {:?}", products.next().await);
}
