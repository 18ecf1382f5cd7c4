use std::num::NonZeroUsize;
use std::time::Duration;

use super::shown::two_stream_exts::spaced;
use futures::stream::StreamExt;
use tokio::time::Instant;

use super::two_stream_exts::fetch;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: spaced
    let start = Instant::now();
    let two = NonZeroUsize::new(2).expect("2 is not 0");
    let answers = spaced(1..=4, Duration::from_millis(10), two, fetch);
    println!("{:?}", answers.collect::<Vec<_>>().await);
    println!("after {:?}", start.elapsed());
    // ANCHOR_END: spaced
}
