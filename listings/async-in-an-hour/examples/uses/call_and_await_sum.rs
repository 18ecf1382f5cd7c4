use super::call_and_await::price;
use tokio::time::Instant;

// ANCHOR: sum
// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let tea = price("tea");
    let milk = price("milk"); // two calls: nothing runs yet
    let sum = tea.await + milk.await;
    println!("{sum} euros after {:?}", start.elapsed());
}
// ANCHOR_END: sum
