use tokio::join;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

/// Compresses a file, and reports how much is done.
pub(crate) fn compress(progress: &mpsc::UnboundedSender<u32>) -> &'static str {
    for percent in [25, 50, 75, 100] {
        // At work: compresses one quarter of the file. That blocks the thread.
        let _ = progress.send(percent); // nobody may be reading any more
    }
    "compressed"
}

pub(crate) async fn show(mut progress: mpsc::UnboundedReceiver<u32>) {
    while let Some(percent) = progress.recv().await {
        println!("{percent} %");
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let work = AbortOnDropHandle::new(spawn_blocking(move || compress(&sender)));
    let (file, ()) = join!(work, show(receiver));
    println!("{file:?}");
}
