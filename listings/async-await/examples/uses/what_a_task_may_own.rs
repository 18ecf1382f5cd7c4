use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) struct Shop {
    pub(crate) name: String,
}

impl Shop {
    /// At work: a request to a mail server.
    pub(crate) async fn send_receipt(&self, order: u32) -> String {
        sleep(Duration::from_millis(200)).await;
        format!("{}: receipt {order}", self.name)
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let shop = Arc::new(Shop { name: "Tea House".into() });
    let mut tasks = Vec::new();
    for order in [1, 2] {
        let shop = Arc::clone(&shop); // one more owner of the same shop
        tasks.push(tokio::spawn(async move { shop.send_receipt(order).await }));
    }
    for task in tasks {
        match task.await {
            Ok(receipt) => println!("{receipt}"),
            Err(error) => println!("{error}"),
        }
    }
}
