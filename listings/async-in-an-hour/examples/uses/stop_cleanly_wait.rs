use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

async fn save(photo: u32) {
    println!("photo {photo}: begun");
    sleep(Duration::from_millis(40)).await;
    println!("photo {photo}: saved");
}

// ANCHOR: wait
async fn save_photos(mut photos: mpsc::Receiver<u32>, stop: CancellationToken) -> u32 {
    let mut saved = 0;
    // `None`: `stop` is cancelled. `Some(None)`: the channel has ended.
    while let Some(Some(photo)) = stop.run_until_cancelled(photos.recv()).await {
        save(photo).await;
        saved += 1;
    }
    saved
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, receiver) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let task = tokio::spawn(save_photos(receiver, stop.clone()));
    sender.send(1).await.expect("the task reads");

    sleep(Duration::from_millis(100)).await;
    println!("please stop");
    stop.cancel();
    match task.await {
        Ok(saved) => println!("stopped, photos saved: {saved}"),
        Err(error) => println!("the task has panicked: {error}"),
    }
}
// ANCHOR_END: wait
