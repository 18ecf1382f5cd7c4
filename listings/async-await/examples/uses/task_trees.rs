use async_await::task_sets::SetError;
use async_await::task_trees::ask_and_wait;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
#[error("part {0} is missing")]
pub(crate) struct Missing(u64);
type Part = Result<(), Missing>;
pub(crate) type Page = Result<Vec<()>, SetError<Missing>>;

/// In your program: downloads a part into a folder. The server does not have part 2.
pub(crate) async fn download(stop: CancellationToken, part: u64) -> Part {
    match stop.run_until_cancelled(sleep(Duration::from_millis(10 * part))).await {
        Some(()) if part == 2 => return Err(Missing(part)),
        Some(()) => println!("  part {part} is written"),
        None => {
            sleep(Duration::from_millis(part)).await; // deletes what it has written
            println!("  part {part} is cleaned up");
        }
    }
    Ok(())
}

/// Downloads the parts of a page, each in a task.
pub(crate) async fn page(stop: CancellationToken, parts: [u64; 2]) -> Page {
    ask_and_wait(&stop, parts.map(|part| download(stop.clone(), part))).await
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (start, stop) = (Instant::now(), CancellationToken::new());
    let pages = [[1, 4], [2, 5]].map(|parts| page(stop.clone(), parts));
    if let Err(error) = ask_and_wait(&stop, pages).await {
        println!("{error}");
    }
    println!("the folder is deleted after {:?}", start.elapsed());
}
