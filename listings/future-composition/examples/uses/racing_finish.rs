use super::racing::{UP, ask};
use super::shown::racing::first_to_finish;
use std::time::Duration;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: both_limits
    for limit in [30, 20].map(Duration::from_millis) {
        let (primary, mirror) = (ask("primary", 60, UP), ask("mirror", 30, UP));
        println!("{:?}", first_to_finish(primary, mirror, limit).await);
    }
    // ANCHOR_END: both_limits
}
