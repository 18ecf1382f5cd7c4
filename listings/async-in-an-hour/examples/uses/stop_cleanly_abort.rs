use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

async fn save(photo: u32) {
    println!("photo {photo}: begun");
    sleep(Duration::from_millis(40)).await;
    println!("photo {photo}: saved");
}

async fn save_photos(stop: CancellationToken) -> u32 {
    let mut saved = 0;
    while !stop.is_cancelled() {
        save(saved + 1).await;
        saved += 1;
    }
    saved
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    let task = tokio::spawn(save_photos(stop.clone()));

    sleep(Duration::from_millis(100)).await;
    // ANCHOR: abort
    println!("stop at once");
    task.abort();
    match task.await {
        Ok(saved) => println!("stopped, photos saved: {saved}"),
        Err(error) if error.is_cancelled() => println!("the task was cut"),
        Err(error) => println!("the task has panicked: {error}"),
    }
    // ANCHOR_END: abort
}
