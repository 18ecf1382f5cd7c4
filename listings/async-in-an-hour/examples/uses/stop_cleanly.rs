use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// At work: writes a photo to a disk. It needs 40 ms.
async fn save(photo: u32) {
    println!("photo {photo}: begun");
    sleep(Duration::from_millis(40)).await;
    println!("photo {photo}: saved");
}

/// Saves one photo after another, until somebody cancels `stop`. Returns how many.
pub(crate) async fn save_photos(stop: CancellationToken) -> u32 {
    let mut saved = 0;
    while !stop.is_cancelled() {
        save(saved + 1).await;
        saved += 1;
    }
    saved
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    let task = tokio::spawn(save_photos(stop.clone()));

    sleep(Duration::from_millis(100)).await;
    println!("please stop");
    stop.cancel();
    match task.await {
        Ok(saved) => println!("stopped, photos saved: {saved}"),
        Err(error) => println!("the task has panicked: {error}"),
    }
}
