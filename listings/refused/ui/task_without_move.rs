//! Without `move`, an `async` block borrows what it uses.

use tokio::task::JoinError;

struct Shop {
    name: String,
}

impl Shop {
    async fn send_receipt(&self, order: u32) -> String {
        format!("{}: receipt {order}", self.name)
    }
}

async fn serve(shop: Shop) -> Result<String, JoinError> {
    // ANCHOR: task_without_move
    let task = tokio::spawn(async { shop.send_receipt(1).await });
    // ANCHOR_END: task_without_move
    task.await
}

fn main() {
    drop(serve(Shop { name: "Tea House".into() }));
}
