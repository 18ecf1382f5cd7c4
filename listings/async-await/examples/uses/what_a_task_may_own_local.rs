use super::what_a_task_may_own::Shop;
use std::rc::Rc;
use tokio::task::spawn_local;

// ANCHOR: local
#[tokio::main(flavor = "local", start_paused = true)]
pub(crate) async fn main() {
    let shop = Rc::new(Shop { name: "Tea House".into() });
    let task = spawn_local(async move { shop.send_receipt(1).await });
    match task.await {
        Ok(receipt) => println!("{receipt}"),
        Err(error) => println!("{error}"),
    }
}
// ANCHOR_END: local
