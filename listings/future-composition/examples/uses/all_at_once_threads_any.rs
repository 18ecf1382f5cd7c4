use super::all_at_once_threads::{compress, show};
use super::shown::all_at_once::beside_blocking;
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: any
    let (sender, receiver) = mpsc::unbounded_channel();
    let (file, ()) = beside_blocking(move || compress(&sender), show(receiver)).await;
    println!("{file:?}");
    // ANCHOR_END: any
}
