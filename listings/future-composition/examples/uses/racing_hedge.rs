use super::racing::{UP, ask};
use std::pin::pin;
use std::time::Duration;
use tokio::select;
use tokio::time::{Instant, timeout};

// ANCHOR: lookup
/// Asks the mirror too, if the primary has no answer after `patience`.
async fn lookup(patience: Duration) -> Option<&'static str> {
    let mut primary = pin!(ask("primary", 90, UP));
    if let Ok(answer) = timeout(patience, &mut primary).await {
        return answer.ok(); // in time
    }
    select! {
        Ok(answer) = &mut primary => Some(answer), // goes on where it was
        Ok(answer) = ask("mirror", 20, UP) => Some(answer),
        else => None, // both failed
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let answer = lookup(Duration::from_millis(50)).await;
    println!("{answer:?} after {:?}", start.elapsed());
}
// ANCHOR_END: lookup
