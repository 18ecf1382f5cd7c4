use super::stop_cleanly::save_photos;
use std::time::Duration;
use tokio::select;
use tokio::signal::ctrl_c;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    let task = tokio::spawn(save_photos(stop.clone()));

    // ANCHOR: ctrl_c
    select! {
        pressed = ctrl_c() => match pressed {
            Ok(()) => println!("Ctrl-C"),
            Err(error) => println!("this program cannot hear Ctrl-C: {error}"),
        },
        () = sleep(Duration::from_millis(100)) => println!("time is up"),
    }
    // ANCHOR_END: ctrl_c
    stop.cancel();
    match task.await {
        Ok(saved) => println!("stopped, photos saved: {saved}"),
        Err(error) => println!("the task has panicked: {error}"),
    }
}
