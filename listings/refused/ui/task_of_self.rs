//! `move` moves the reference `&self`, and not what it refers to.

use tokio::task::JoinHandle;

type Receipt = String;

struct Shop {
    name: String,
}

impl Shop {
    async fn send_receipt(&self, order: u32) -> Receipt {
        format!("{}: receipt {order}", self.name)
    }

    // ANCHOR: task_of_self
    fn accept(&self, order: u32) -> JoinHandle<Receipt> {
        tokio::spawn(async move { self.send_receipt(order).await })
    }
    // ANCHOR_END: task_of_self
}

fn main() {
    drop(Shop { name: "Tea House".into() }.accept(1));
}
