use super::single_flight::ask;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::timeout;

// ANCHOR: dropped
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let price = OnceCell::new();
    let gives_up = timeout(Duration::from_millis(600), ask(1, &price));
    let (_too_late, ()) = futures::join!(gives_up, ask(2, &price));
}
// ANCHOR_END: dropped
