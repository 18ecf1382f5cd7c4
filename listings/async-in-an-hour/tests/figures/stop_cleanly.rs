use backend::figure::{Figure, lane};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::ms;

async fn save_photos(stop: CancellationToken) {
    let mut photo = 1;
    while !stop.is_cancelled() {
        lane(&format!("photo {photo}"), sleep(ms(40))).await;
        photo += 1;
    }
}

async fn ask() {
    let stop = CancellationToken::new();
    let task = tokio::spawn(save_photos(stop.clone()));
    lane("until the stop", sleep(ms(100))).await;
    stop.cancel();
    task.await.unwrap();
}

async fn abort() {
    let task = tokio::spawn(save_photos(CancellationToken::new()));
    lane("until the stop", sleep(ms(100))).await;
    task.abort();
    task.await.unwrap_err();
    sleep(ms(20)).await;
}

#[test]
fn stop_cleanly() {
    Figure::new(
        "stop-cleanly",
        "A stop after 100 ms, while the third photo is being saved",
    )
    .panel("cancel(): the third photo is saved", ask)
    .panel("abort(): the third photo is cut", abort)
    .check();
}
