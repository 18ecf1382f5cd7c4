//! A `Receiver` of Tokio's `mpsc` has one owner.

use tokio::sync::mpsc;

// ANCHOR: cloned_receiver
fn start(workers: usize, jobs: mpsc::Receiver<u32>) {
    for _ in 0..workers {
        let mut jobs = jobs.clone();
        tokio::spawn(async move { while let Some(_job) = jobs.recv().await {} });
    }
}
// ANCHOR_END: cloned_receiver

fn main() {
    let (_sender, jobs) = mpsc::channel(1);
    start(4, jobs);
}
