use super::*;
use crate::Site;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn rows<T>(scene: impl AsyncFnOnce() -> T) -> Value {
    let figure = Figure::new("test", "Test").panel("run", scene);
    serde_json::to_value(&figure.recorded.panels[0].rows).unwrap()
}

#[test]
fn a_lane_tells_flight_polls_and_end() {
    let site = Site::default().with_page("/a", ms(30));
    let rows = rows(|| lane("a", site.fetch("/a")));
    let call = json!({"from": 0, "sent": 0, "ready": 30, "to": 30});
    assert_eq!(
        rows,
        json!([{"row": "lane", "name": "a", "from": 0, "to": 30, "end": "done",
                "calls": [call], "polls": [0, 30]}])
    );
}

#[test]
fn an_answer_that_nobody_polls_is_seen_to_wait() {
    let site = Site::default().with_page("/a", ms(30));
    let rows = rows(async || {
        let mut fetch = lane("a", site.fetch("/a"));
        timeout(ms(10), &mut fetch).await.unwrap_err();
        sleep(ms(40)).await;
        fetch.await.unwrap();
    });
    assert_eq!(
        rows[0]["calls"][0],
        json!({"from": 0, "sent": 0, "ready": 30, "to": 50})
    );
    assert_eq!(rows[0]["polls"], json!([0, 10, 50]));
}

#[test]
fn a_call_that_queues_says_since_when() {
    let site = Site::with_connections(1).with_page("/a", ms(30));
    let rows = rows(async || {
        tokio::join!(lane("a", site.fetch("/a")), lane("b", site.fetch("/a")))
    });
    assert_eq!(
        rows[1]["calls"][0],
        json!({"from": 0, "sent": 30, "ready": 60, "to": 60})
    );
}

#[test]
fn a_drop_a_failure_and_what_stays_open_are_told_apart() {
    let site = Site::default().with_page("/a", ms(30));
    let rows = rows(async || {
        let _ = timeout(ms(10), lane("dropped", site.fetch("/a"))).await;
        let _ = try_lane("failed", site.fetch("/nowhere")).await;
        tokio::spawn(lane("open", site.fetch("/a")));
        sleep(ms(10)).await;
    });
    let ends: Vec<_> =
        (0..3).map(|row| (rows[row]["end"].clone(), &rows[row]["to"])).collect();
    let want = [("dropped", 10), ("failed", 10), ("open", 20)];
    for ((end, to), (want_end, want_to)) in ends.into_iter().zip(want) {
        assert_eq!((end, to), (json!(want_end), &json!(want_to)));
    }
}

#[test]
fn a_stream_has_a_marble_for_each_item_and_an_end() {
    let rows = rows(async || {
        let words = stream::iter(["a", "b"]).then(|word| async move {
            sleep(ms(10)).await;
            word
        });
        observe("words", words).collect::<Vec<_>>().await
    });
    let items = json!([{"at": 10, "label": "a"}, {"at": 20, "label": "b"}]);
    assert_eq!(
        rows[0],
        json!({"row": "stream", "name": "words", "from": 0, "to": 20, "end": "done", "items": items})
    );
}

#[test]
fn a_tally_counts_by_the_millisecond() {
    let rows = rows(async || {
        tally("requests");
        tally("requests");
        sleep(ms(10)).await;
        tally("requests");
    });
    assert_eq!(rows[0]["at"], json!([[0, 2], [10, 1]]));
}

#[test]
#[should_panic(expected = "waits for what never comes")]
fn a_scene_that_never_ends_is_told() {
    rows(std::future::pending::<()>);
}
