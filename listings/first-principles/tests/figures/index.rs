use backend::figure::{Figure, lane, try_lane};
use backend::site::{Reply, Site};
use tokio::time::{sleep, timeout};

use crate::ms;

/// One call for each way that a call can go.
async fn five_calls() {
    let site = Site::default()
        .with_page("/a", ms(40))
        .with_reply("/b", Reply::status(ms(30), 500));
    let one_at_a_time = Site::with_connections(1).with_page("/a", ms(30));
    let (done, failed) =
        (lane("done", site.fetch("/a")), try_lane("failed", site.fetch("/b")));
    let dropped = lane("dropped", site.fetch("/a"));
    let queued = lane("queued first", one_at_a_time.fetch("/a"));
    let mut unpolled = lane("not polled", site.fetch("/a"));
    // It has the connection until 30 ms, and no lane.
    let before = tokio::spawn(one_at_a_time.fetch("/a"));
    let calls = (tokio::spawn(done), tokio::spawn(failed), tokio::spawn(queued));
    let dropped = tokio::spawn(timeout(ms(20), dropped));
    let unpolled = tokio::spawn(async move {
        timeout(ms(10), &mut unpolled).await.unwrap_err();
        sleep(ms(60)).await;
        unpolled.await
    });
    before.await.unwrap().unwrap();
    calls.0.await.unwrap().unwrap();
    calls.1.await.unwrap().unwrap_err();
    calls.2.await.unwrap().unwrap();
    dropped.await.unwrap().unwrap_err();
    unpolled.await.unwrap().unwrap();
}

#[test]
fn index() {
    Figure::new("index", "How a call can go").panel("five calls", five_calls).check();
}
