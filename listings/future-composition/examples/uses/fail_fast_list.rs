use super::fail_fast::look_up;
use futures::future::try_join_all;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: list
    for user in [7, 8] {
        let start = Instant::now();
        let lookups = ["orders", "name", "balance"].map(|table| look_up(table, user));
        println!("{:?} after {:?}", try_join_all(lookups).await, start.elapsed());
    }
    // ANCHOR_END: list
}
