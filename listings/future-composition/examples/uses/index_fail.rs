use super::index::look_up;
use tokio::time::Instant;
use tokio::try_join;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: step
    let start = Instant::now();
    let all = try_join!(look_up("nmae", 10), look_up("orders", 100));
    println!("{all:?} after {:?}", start.elapsed());
    // ANCHOR_END: step
}
