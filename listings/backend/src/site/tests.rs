use super::*;
use futures::future::join_all;
use tokio::time::timeout;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test(start_paused = true)]
async fn replies_come_in_turn_and_the_last_repeats() {
    let replies = [Reply::status(ms(5), 503), Reply::page(ms(5), "here")];
    let site = Site::default().with_replies("/a", replies);
    assert!(site.fetch("/a").await.is_err_and(|error| error.transient()));
    for _ in 0..2 {
        assert_eq!(site.fetch("/a").await.unwrap().body, "here");
    }
    assert_eq!(site.calls("/a"), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_called_before_the_first_poll() {
    let site = Site::default().with_page("/a", ms(5));
    drop(site.fetch("/a"));
    assert_eq!(site.load(), Load::default());
}

#[tokio::test(start_paused = true)]
async fn the_load_tells_peak_answers_and_drops() {
    let site = Site::default().with_page("/a", ms(5)).with_page("/b", ms(50));
    let both = join_all([site.fetch("/a"), site.fetch("/b")]);
    timeout(ms(10), both).await.unwrap_err();
    let load = Load { calls: 2, in_flight: 0, peak: 2, answered: 1, dropped: 1 };
    assert_eq!(site.load(), load);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_path_is_answered_at_once() {
    let start = Instant::now();
    let error = Site::default().fetch("/nowhere").await.unwrap_err();
    assert_eq!(error, SiteError::NotFound { path: "/nowhere".into() });
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_connections_queue() {
    for (connections, took) in [(1, 30), (2, 15), (3, 10), (6, 5)] {
        let site = Site::with_connections(connections).with_page("/a", ms(5));
        let start = Instant::now();
        join_all((0..6).map(|_| site.fetch("/a"))).await;
        assert_eq!((start.elapsed(), site.calls("/a")), (ms(took), 6));
    }
}

#[tokio::test(start_paused = true)]
async fn each_reply_is_as_its_script_says() {
    let path = || "/a".to_owned();
    let status =
        |code, retry_after| Err(SiteError::Status { path: path(), code, retry_after });
    let busy = Reply::busy(ms(9), ms(700));
    for (reply, after, outcome, transient) in [
        (Reply::page(ms(7), "here"), 7, Ok("here".to_owned()), false),
        (Reply::status(ms(8), 404), 8, status(404, None), false),
        (Reply::status(ms(0), 500), 0, status(500, None), false),
        (Reply::status(ms(8), 429), 8, status(429, None), true),
        (Reply::status(ms(8), 503), 8, status(503, None), true),
        (busy, 9, status(503, Some(ms(700))), true),
    ] {
        let site = Site::default().with_reply("/a", reply);
        let start = Instant::now();
        let got = site.fetch("/a").await;
        assert_eq!(start.elapsed(), ms(after));
        if let Err(error) = &got {
            let SiteError::Status { retry_after, .. } = error else { panic!() };
            assert_eq!(
                (error.transient(), error.retry_after()),
                (transient, *retry_after)
            );
        }
        assert_eq!(got.map(|page| page.body), outcome);
    }
    let missing = SiteError::NotFound { path: path() };
    assert_eq!((missing.transient(), missing.retry_after()), (false, None));
    let page = Site::default().with_page("/a", ms(1)).fetch("/a").await.unwrap();
    assert_eq!(page, Page { path: path(), body: path() });
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_stays_in_flight() {
    let site = Site::default().with_reply("/a", Reply::never());
    let mut call = std::pin::pin!(site.fetch("/a"));
    timeout(Duration::from_hours(1), &mut call).await.unwrap_err();
    assert_eq!((site.load().in_flight, site.load().answered), (1, 0));
}

#[test]
#[should_panic(expected = "the script of /a has no reply")]
fn a_script_without_a_reply_is_a_mistake() {
    let _ = Site::default().with_replies("/a", []);
}
