use super::shown::task_sets::all_or_none;
use super::task_trees::{Page, download};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

// ANCHOR: aborted
/// Downloads the parts of a page, each in a task of a set of its own.
async fn page(parts: [u64; 2]) -> Page {
    let never = CancellationToken::new(); // nobody cancels it
    all_or_none(parts.map(|part| download(never.clone(), part))).await
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    if let Err(error) = all_or_none([[1, 4], [2, 5]].map(page)).await {
        println!("{error}");
    }
    println!("the folder is deleted after {:?}", start.elapsed());
}
// ANCHOR_END: aborted
