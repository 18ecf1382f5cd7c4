use super::many_futures::name;
use super::shown::many_futures::{as_they_come, before};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: deadline
    let deadline = Instant::now() + Duration::from_millis(20);
    let answers = as_they_come([1, 2, 3], NonZeroUsize::MAX, name);
    println!("{:?}", before(deadline, answers).await);
    // ANCHOR_END: deadline
}
