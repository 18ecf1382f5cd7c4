use super::shown::merge::urgent_first;
use futures::StreamExt;
use futures::stream;
use std::num::NonZeroUsize;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: urgent
    let alarms = stream::iter(["alarm"; 5]);
    let reports = stream::iter(["report"; 2]);
    let three = NonZeroUsize::new(3).expect("3 is not zero");
    // ANCHOR: bounded
    let merged = urgent_first(alarms, reports, three);
    // ANCHOR_END: bounded
    println!("{:?}", merged.collect::<Vec<_>>().await);
    // ANCHOR_END: urgent
}
