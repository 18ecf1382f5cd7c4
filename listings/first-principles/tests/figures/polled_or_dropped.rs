use backend::Site;
use backend::figure::{Figure, lane};
use tokio::time::{sleep, timeout};

use crate::ms;

/// Four futures that need 40 ms, and an owner that is busy with something else from 40 to 100 ms.
async fn four_futures() {
    let site = Site::default().with_page("/a", ms(40));
    let polled = lane("polled", site.fetch("/a"));
    let spawned = tokio::spawn(lane("spawned", site.fetch("/a")));
    let mut left_alone = lane("left alone", site.fetch("/a"));
    let dropped = lane("dropped", site.fetch("/a"));
    let (page, alone, dropped) = tokio::join!(
        polled,
        timeout(ms(20), &mut left_alone),
        timeout(ms(20), dropped)
    );
    page.unwrap();
    alone.unwrap_err();
    dropped.unwrap_err();
    sleep(ms(60)).await;
    left_alone.await.unwrap();
    spawned.await.unwrap().unwrap();
}

#[test]
fn polled_or_dropped() {
    Figure::new(
        "polled-or-dropped",
        "Four futures of 40 ms each, and what becomes of them",
    )
    .panel("one owner", four_futures)
    .check();
}
