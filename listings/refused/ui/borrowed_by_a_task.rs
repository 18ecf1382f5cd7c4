//! A task that borrows from the function that spawns it is refused, also if that function waits for it.

use tokio::task::JoinError;

struct Shop {
    name: String,
}

impl Shop {
    async fn send_receipt(&self, order: u32) -> String {
        format!("{}: receipt {order}", self.name)
    }
}

// ANCHOR: borrowed_by_a_task
async fn serve(shop: Shop) -> Result<String, JoinError> {
    let task = tokio::spawn(shop.send_receipt(1));
    task.await
}
// ANCHOR_END: borrowed_by_a_task

fn main() {
    drop(serve(Shop { name: "Tea House".into() }));
}
