use super::index::look_up;
use tokio::join;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: step
    let start = Instant::now();
    let (name, orders, balance) =
        join!(look_up("name", 100), look_up("orders", 100), look_up("balance", 100));
    println!("{name:?}, {orders:?}, {balance:?}");
    println!("after {:?}", start.elapsed());
    // ANCHOR_END: step
}
