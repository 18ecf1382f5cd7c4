use async_await::borrow::compute_all;
use std::num::NonZeroUsize;
use std::thread;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: threads
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let squares = compute_all(vec![1, 2, 3, 4, 5], threads, |n: &mut u64| *n *= *n);
    match squares.await {
        Ok(squares) => println!("{squares:?}"),
        Err(panic) => println!("{panic}"),
    }
    // ANCHOR_END: threads
}
