use super::select_or_not::shop;
use super::shown::select_or_not::one_queue;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let town = shop([(10, "tea"), (40, "2")]);
    let web = shop([(20, "milk"), (30, "1")]);
    // ANCHOR: queue
    let mut queue = one_queue(vec![town, web]);
    while let Some(order) = queue.recv().await {
        println!("{order}");
    }
    // ANCHOR_END: queue
}
