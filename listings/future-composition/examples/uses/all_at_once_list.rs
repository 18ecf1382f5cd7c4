use super::all_at_once::look_up;
use futures::future::join_all;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: list
    let lookups = [("orders", 100), ("name", 40)].map(|(table, ms)| look_up(table, ms));
    println!("{:?}", join_all(lookups).await);
    // ANCHOR_END: list
}
