use super::what_a_task_may_own::Shop;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let shop = Shop { name: "Tea House".into() };
    // ANCHOR: moved
    let task = tokio::spawn(async move { shop.send_receipt(1).await });
    // ANCHOR_END: moved
    match task.await {
        Ok(receipt) => println!("{receipt}"),
        Err(error) => println!("{error}"),
    }
}
