use super::many_futures::name;
use super::shown::many_futures::as_they_come;
use futures::stream::StreamExt;
use std::num::NonZeroUsize;
use std::pin::pin;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: limit
    let start = Instant::now();
    let limit = NonZeroUsize::new(2).expect("2 is not 0");
    let mut answers = pin!(as_they_come([1, 2, 3], limit, name));
    while let Some((id, name)) = answers.next().await {
        println!("{} ms: user {id} is {name}", start.elapsed().as_millis());
    }
    // ANCHOR_END: limit
}
