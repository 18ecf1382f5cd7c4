use super::*;
use backend::{Load, Reply, Site, SiteError, cancel};
use future_composition::one_error_type::causes;
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

const DECADE: Duration = Duration::from_hours(10 * 365 * 24);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Two servers that answer with their own path.
fn two(primary: u64, mirror: u64) -> Site {
    Site::default().with_page("primary", ms(primary)).with_page("mirror", ms(mirror))
}

fn not_served(path: &str) -> SiteError {
    SiteError::Status { path: path.into(), code: 503, retry_after: None }
}

/// Asks for `path`; gives the page's body.
fn ask(
    site: &Site,
    path: &'static str,
) -> impl Future<Output = Result<String, SiteError>> + Send + use<> {
    site.fetch(path).map(|page| page.map(|page| page.body))
}

/// Nobody is left in flight: each call was answered, or dropped.
fn assert_nobody_left(load: Load) {
    assert_eq!(
        (load.in_flight, load.answered + load.dropped),
        (0, load.calls),
        "{load:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_delay_never_starts_the_backup() {
    let (start, site) = (Instant::now(), two(50, 10));
    let answer = hedge(ask(&site, "primary"), ms(50), || ask(&site, "mirror")).await;
    assert_eq!((answer.as_deref(), start.elapsed()), (Ok("primary"), ms(50)));
    assert_eq!(site.calls("mirror"), 0, "not even when the answer comes at the delay");
    let backup = || unreachable!("the backup was made");
    let answer = hedge::<_, _, BoxFuture<'_, _>>(ask(&site, "primary"), ms(50), backup);
    assert_eq!(answer.await.as_deref(), Ok("primary"));
}

#[tokio::test(start_paused = true)]
async fn the_backup_is_made_when_it_is_needed_and_not_before() {
    for (primary, made_at) in
        [(Reply::page(ms(90), "good"), ms(50)), (Reply::status(ms(20), 503), ms(20))]
    {
        let site = two(0, 10).with_reply("primary", primary);
        let (start, made) = (Instant::now(), RefCell::default());
        let backup = || {
            made.replace(Some(start.elapsed()));
            ask(&site, "mirror")
        };
        let hedged = hedge(ask(&site, "primary"), ms(50), backup);
        sleep(ms(0)).await;
        assert_eq!(made.take(), None, "before the first poll");
        hedged.await.unwrap();
        assert_eq!(made.take(), Some(made_at));
    }
}

#[tokio::test(start_paused = true)]
async fn the_backup_starts_after_the_delay_and_the_first_success_wins() {
    for (primary, mirror, winner, took) in
        [(100, 10, "mirror", 60), (70, 30, "primary", 70), (70, 10, "mirror", 60)]
    {
        let (start, site) = (Instant::now(), two(primary, mirror));
        let answer =
            hedge(ask(&site, "primary"), ms(50), || ask(&site, "mirror")).await;
        assert_eq!((answer.as_deref(), start.elapsed()), (Ok(winner), ms(took)));
        let load = Load { calls: 2, in_flight: 0, peak: 2, answered: 1, dropped: 1 };
        assert_eq!(site.load(), load);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_before_the_delay_starts_the_backup_at_once() {
    let site = two(0, 30).with_reply("primary", Reply::status(ms(20), 503));
    let start = Instant::now();
    let answer = hedge(ask(&site, "primary"), ms(50), || ask(&site, "mirror")).await;
    assert_eq!((answer.as_deref(), start.elapsed()), (Ok("mirror"), ms(50)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_delay_leaves_the_other_running() {
    let (down, good) =
        (|after| Reply::status(ms(after), 503), |after| Reply::page(ms(after), "good"));
    for (primary, mirror) in [(down(60), good(40)), (good(90), down(20))] {
        let site =
            Site::default().with_reply("primary", primary).with_reply("mirror", mirror);
        let start = Instant::now();
        let answer =
            hedge(ask(&site, "primary"), ms(50), || ask(&site, "mirror")).await;
        assert_eq!((answer.as_deref(), start.elapsed()), (Ok("good"), ms(90)));
    }
}

#[tokio::test(start_paused = true)]
async fn when_both_calls_fail_both_errors_come_back() {
    for (primary, mirror, took) in [(20, 10, 30), (60, 30, 80), (90, 10, 90)] {
        let site = Site::default()
            .with_reply("primary", Reply::status(ms(primary), 503))
            .with_reply("mirror", Reply::status(ms(mirror), 503));
        let start = Instant::now();
        let error = hedge(ask(&site, "primary"), ms(50), || ask(&site, "mirror"))
            .await
            .unwrap_err();
        let (primary, backup) = (not_served("primary"), not_served("mirror"));
        assert_eq!(
            (&error, start.elapsed()),
            (&BothFailed { primary, backup }, ms(took))
        );
        let text = "primary: primary: status 503; backup: mirror: status 503";
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_hedge_leaves_nobody_behind() {
    let site = Site::default()
        .with_reply("primary", Reply::status(ms(70), 503))
        .with_page("mirror", ms(30));
    let make = || hedge(ask(&site, "primary"), ms(50), || ask(&site, "mirror"));
    let points =
        cancel::at_every_await(make, |_, _| assert_nobody_left(site.load())).await;
    assert_eq!(
        points, 4,
        "before the first poll, alone, beside the backup, the backup alone"
    );
}

/// A report that needs 100 ms, and then counts.
fn report(reports: &Arc<AtomicUsize>) -> impl Future<Output = ()> + Send + use<> {
    let reports = Arc::clone(reports);
    async move {
        sleep(ms(100)).await;
        reports.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn an_await_beside_the_primary_stops_it_and_keeps_the_mirror_waiting() {
    let (start, site, reports) = (Instant::now(), two(90, 20), Arc::default());
    let (primary, mirror) = (ask(&site, "primary"), ask(&site, "mirror"));
    let race = naive::hedge_and_report(primary, ms(50), report(&reports), mirror);
    let (answer, load) = futures::join!(race, async {
        sleep(ms(149)).await;
        site.load()
    });
    assert_eq!((answer.as_deref(), start.elapsed()), (Some("primary"), ms(150)));
    assert_eq!((load.calls, load.answered), (1, 0), "its answer came 59 ms ago");
}

#[tokio::test(start_paused = true)]
async fn a_report_on_a_task_holds_up_neither_of_them() {
    let (start, site, reports) = (Instant::now(), two(90, 20), Arc::default());
    let (primary, mirror) = (ask(&site, "primary"), ask(&site, "mirror"));
    let race = hedge_and_report(primary, ms(50), report(&reports), mirror);
    let answer = race.await;
    assert_eq!((answer.as_deref(), start.elapsed()), (Some("mirror"), ms(70)));
    assert_eq!((site.load().dropped, reports.load(Ordering::SeqCst)), (1, 0));
    sleep(ms(81)).await;
    assert_eq!(reports.load(Ordering::SeqCst), 1, "the report was finished at 150 ms");
}

#[tokio::test(start_paused = true)]
async fn in_time_there_is_neither_a_report_nor_a_second_call() {
    let down = |after| Reply::status(ms(after), 503);
    for (primary, want, at) in
        [(Reply::page(ms(50), "good"), Some("good"), ms(50)), (down(20), None, ms(20))]
    {
        let site = two(0, 20).with_reply("primary", primary);
        let (start, reports) = (Instant::now(), Arc::default());
        let (primary, mirror) = (ask(&site, "primary"), ask(&site, "mirror"));
        let race = hedge_and_report(primary, ms(50), report(&reports), mirror);
        assert_eq!((race.await.as_deref(), start.elapsed()), (want, at));
        sleep(SECOND).await;
        assert_eq!((site.calls("mirror"), reports.load(Ordering::SeqCst)), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_report_the_first_success_wins() {
    let down = |after| Reply::status(ms(after), 503);
    let good = |after| Reply::page(ms(after), "good");
    for (primary, mirror, want, took) in [
        (good(70), good(30), Some("good"), 70),
        (down(60), good(40), Some("good"), 90),
        (good(90), down(20), Some("good"), 90),
        (down(60), down(40), None, 90),
    ] {
        let site =
            Site::default().with_reply("primary", primary).with_reply("mirror", mirror);
        let (start, reports) = (Instant::now(), Arc::default());
        let (primary, mirror) = (ask(&site, "primary"), ask(&site, "mirror"));
        let race = hedge_and_report(primary, ms(50), report(&reports), mirror);
        assert_eq!((race.await.as_deref(), start.elapsed()), (want, ms(took)));
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_hedge_with_a_report_drops_both_calls() {
    let site = two(70, 30).with_reply("primary", Reply::status(ms(70), 503));
    let reports = Arc::default();
    let make = || {
        let (primary, mirror) = (ask(&site, "primary"), ask(&site, "mirror"));
        hedge_and_report(primary, ms(50), report(&reports), mirror)
    };
    let points =
        cancel::at_every_await(make, |_, _| assert_nobody_left(site.load())).await;
    assert_eq!(
        points, 4,
        "before the first poll, alone, with two in the race, with one"
    );
}

/// Reads very many messages, each of which is there already, so that each of its polls
/// uses up the whole budget of the task.
async fn busy() -> Result<&'static str, SiteError> {
    let (sender, mut messages) = mpsc::unbounded_channel();
    for n in 0..300_000 {
        sender.send(n).unwrap();
        messages.recv().await.unwrap();
    }
    Ok("busy")
}

/// Reads one message, which is there already. Without budget, even this has to wait.
async fn quick() -> Result<&'static str, SiteError> {
    let (sender, mut messages) = mpsc::unbounded_channel();
    sender.send("quick").unwrap();
    Ok(messages.recv().await.unwrap())
}

#[tokio::test]
async fn a_busy_call_keeps_neither_its_backup_nor_its_primary_from_winning() {
    let answer = hedge(busy(), ms(1), quick).await;
    assert_eq!(answer.unwrap(), "quick");
    let (go, begun) = oneshot::channel();
    let primary = async {
        begun.await.unwrap();
        quick().await
    };
    let backup = || {
        go.send(()).unwrap();
        busy()
    };
    assert_eq!(hedge(primary, ms(1), backup).await.unwrap(), "quick");
}

/// Two servers of which either may win a tie, 10 ms after the start.
async fn winner_of_a_tie() -> String {
    let site = two(10, 10);
    let primary = sleep(ms(5)).then(|()| ask(&site, "primary"));
    hedge(primary, ms(5), || ask(&site, "mirror")).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn after_the_delay_either_side_may_win_a_tie() {
    let mut winners = Vec::new();
    for _ in 0..200 {
        winners.push(winner_of_a_tie().await);
    }
    assert!(winners.contains(&"primary".into()) && winners.contains(&"mirror".into()));
}

#[tokio::test(start_paused = true)]
async fn the_longest_duration_is_no_delay() {
    let start = Instant::now();
    // One `sleep` of Tokio ends after 30 years, however long it was to be.
    let slow = || async {
        for _ in 0..4 {
            sleep(DECADE).await;
        }
        Err(not_served("primary"))
    };
    let backup = || async move { Ok(start.elapsed()) };
    assert_eq!(hedge(slow(), Duration::MAX, backup).await, Ok(4 * DECADE));
}

/// An error with a cause.
#[derive(Debug, thiserror::Error)]
#[error("{0} is away")]
struct Away(&'static str, #[source] SiteError);

#[tokio::test(start_paused = true)]
async fn both_failures_are_printed_with_their_causes_and_each_of_them_once() {
    let away = |name| async move { Err::<(), _>(Away(name, not_served(name))) };
    let both = hedge(away("north"), SECOND, || away("south")).await.unwrap_err();
    let text = "primary: north is away: north: status 503; \
                backup: south is away: south: status 503";
    assert_eq!(both.to_string(), text);
    assert_eq!(causes(&both).count(), 1, "no cause is told twice");
}

#[tokio::test(start_paused = true)]
async fn of_ten_slow_calls_only_two_have_a_backup_at_once() {
    let (start, site, backups) = (Instant::now(), two(90, 20), Semaphore::new(2));
    let lookup = || {
        hedge_within(ask(&site, "primary"), ms(50), &backups, || ask(&site, "mirror"))
    };
    let answers = future::join_all((0..10).map(|_| lookup())).await;
    assert_eq!((site.calls("primary"), site.calls("mirror")), (10, 2));
    let by =
        |name| answers.iter().filter(|answer| answer.as_deref() == Some(name)).count();
    assert_eq!((by("primary"), by("mirror")), (8, 2));
    assert_eq!((start.elapsed(), backups.available_permits()), (ms(90), 2));
}

#[tokio::test(start_paused = true)]
async fn within_its_budget_a_hedge_returns_the_first_success() {
    let down = |after| Reply::status(ms(after), 503);
    let good = |after| Reply::page(ms(after), "good");
    for (primary, mirror, permits, want, took) in [
        (good(50), good(10), 1, Some("good"), 50),
        (down(20), good(10), 1, None, 20),
        (good(90), good(20), 1, Some("good"), 70),
        (down(60), good(40), 1, Some("good"), 90),
        (good(90), down(20), 1, Some("good"), 90),
        (down(60), down(40), 1, None, 90),
        (good(90), good(20), 0, Some("good"), 90),
        (down(90), good(20), 0, None, 90),
    ] {
        let site =
            Site::default().with_reply("primary", primary).with_reply("mirror", mirror);
        let (start, backups) = (Instant::now(), Semaphore::new(permits));
        let backup = || ask(&site, "mirror");
        let answer =
            hedge_within(ask(&site, "primary"), ms(50), &backups, backup).await;
        assert_eq!((answer.as_deref(), start.elapsed()), (want, ms(took)));
        assert_eq!(backups.available_permits(), permits);
        assert_eq!(site.load().in_flight, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_hedge_gives_its_permit_back() {
    let site = two(90, 30).with_reply("primary", Reply::status(ms(70), 503));
    let backups = Semaphore::new(1);
    let make = || {
        hedge_within(ask(&site, "primary"), ms(50), &backups, || ask(&site, "mirror"))
    };
    let points = cancel::at_every_await(make, |_, _| {
        assert_nobody_left(site.load());
        assert_eq!(backups.available_permits(), 1);
    });
    assert_eq!(points.await, 4);
}

#[tokio::test(start_paused = true)]
async fn every_hedge_can_be_spawned() {
    let site = two(20, 30);
    let (primary, mirror) =
        (|site: &Site| ask(site, "primary"), |site: &Site| ask(site, "mirror"));
    let (report, calls) = (async {}, (primary(&site), mirror(&site)));
    let race = hedge_and_report(calls.0, ms(10), report, calls.1);
    tokio::spawn(race).await.unwrap().unwrap();
    let backup = mirror(&site);
    tokio::spawn(hedge(primary(&site), ms(10), || backup)).await.unwrap().unwrap();
    let (primary, backup) = (primary(&site), mirror(&site));
    let within = async move {
        hedge_within(primary, ms(10), &Semaphore::new(1), || backup).await
    };
    tokio::spawn(within).await.unwrap().unwrap();
}
