use std::future::{pending, ready as at_once};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use backend::alive::left_at_drops;
use backend::{Alive, HttpReply, HttpSite, ends, soon};
use tokio::net::TcpListener;
use tokio::task::yield_now;
use tokio::time::{pause, resume, sleep, sleep_until};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const HOUR: Duration = Duration::from_hours(1);

const fn n(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// Each 10 s, with a limit of 1 s; 3 fails, 2 passes.
fn rule() -> Rule {
    Rule {
        every: ms(10_000),
        limit: ms(1_000),
        fails: n(3),
        passes: n(2),
        stale: ms(25_000),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sick;

/// A service that answers each check as its script says, and as its last word for ever.
#[derive(Clone, Default)]
struct Service {
    asked: Arc<AtomicUsize>,
    alive: Alive,
}

impl Service {
    /// `+`: well. `-`: sick. `.`: silent. `!`: a panic.
    fn answers(&self, script: &'static str) -> Monitor<Sick> {
        self.monitor(rule(), script)
    }

    fn monitor(&self, rule: Rule, script: &'static str) -> Monitor<Sick> {
        let service = self.clone();
        Monitor::start(rule, move || {
            let turn = service.asked.fetch_add(1, Ordering::SeqCst);
            let answer = script.as_bytes()[turn.min(script.len() - 1)];
            let guard = service.alive.guard();
            async move {
                let _guard = guard;
                match answer {
                    b'+' => Ok(()),
                    b'-' => Err(Sick),
                    b'.' => pending().await,
                    _ => panic!("a check panics"),
                }
            }
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// What `look` says just after each of the first checks, as a script.
async fn says(
    monitor: &Monitor<Sick>,
    checks: usize,
    look: impl Fn(&Monitor<Sick>) -> bool,
) -> String {
    let mut said = String::new();
    for _ in 0..checks {
        sleep(ms(1)).await;
        said.push(if look(monitor) { '+' } else { '-' });
        sleep(ms(9_999)).await;
    }
    said
}

#[tokio::test(start_paused = true)]
async fn a_check_is_up_down_or_timed_out() {
    let limit = ms(1_000);
    assert_eq!(check(limit, at_once(Ok::<_, Sick>(()))).await, Health::Up);
    assert_eq!(check(limit, at_once(Err(Sick))).await, Health::Down(Sick));
    let start = Instant::now();
    assert_eq!(ends(check::<Sick>(limit, pending())).await, Health::TimedOut);
    assert_eq!(start.elapsed(), limit);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_timed_out_or_was_dropped_has_dropped_its_question() {
    let left = left_at_drops(|alive| {
        let guard = alive.guard();
        check::<Sick>(ms(1_000), async move {
            let _guard = guard;
            pending().await
        })
    });
    assert_eq!(left.await, 0);
}

/// One question to a real server, as the page asks it.
fn http(url: String) -> impl Future<Output = Result<(), reqwest::Error>> + Send {
    let client = reqwest::Client::new();
    async move {
        client.get(url).send().await?.error_for_status()?;
        Ok(())
    }
}

#[tokio::test]
async fn over_http_200_is_up_503_is_down_and_refused_is_down() {
    let site = HttpSite::default()
        .with_reply("/well", HttpReply::ok("fine"))
        .with_reply("/sick", HttpReply::status(503, "sick"));
    let server = site.start().await;
    let well = soon(check(HOUR, http(server.url("/well")))).await;
    assert!(matches!(well, Health::Up), "{well:?}");
    let Health::Down(reason) = soon(check(HOUR, http(server.url("/sick")))).await
    else {
        panic!("503 is down")
    };
    assert_eq!(reason.status().unwrap().as_u16(), 503);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let Health::Down(reason) = soon(check(HOUR, http(nobody))).await else {
        panic!("refused is down")
    };
    assert!(reason.is_connect());
}

#[tokio::test]
async fn over_http_a_server_that_hangs_is_timed_out_and_its_request_is_dropped() {
    let site = HttpSite::default().with_reply("/", HttpReply::hang());
    let server = site.start().await;
    let task = tokio::spawn(check(HOUR, http(server.url("/"))));
    server.until(|load| load.in_flight == 1).await;
    pause();
    let health = ends(task).await.unwrap();
    resume();
    assert!(matches!(health, Health::TimedOut), "{health:?}");
    server.until(|load| load.dropped == 1).await;
}

#[tokio::test(start_paused = true)]
async fn it_begins_as_not_well_and_is_well_after_two_passes() {
    let service = Service::default();
    let monitor = service.answers("+");
    assert!(!monitor.is_well(), "before the first check");
    assert_eq!(says(&monitor, 4, Monitor::is_well).await, "-+++");
}

#[tokio::test(start_paused = true)]
async fn a_single_failure_changes_nothing_and_three_in_a_row_do() {
    let service = Service::default();
    let monitor = service.answers("++-+--+---+-++");
    assert_eq!(says(&monitor, 14, Monitor::is_well).await, "-++++++++----+");
}

#[tokio::test(start_paused = true)]
async fn with_the_last_check_alone_it_flaps() {
    let service = Service::default();
    let monitor = service.answers("++-+-+-+");
    assert_eq!(says(&monitor, 8, Monitor::last_check).await, "++-+-+-+");
}

#[tokio::test(start_paused = true)]
async fn a_check_without_an_answer_counts_as_a_failure() {
    let service = Service::default();
    let monitor = service.monitor(Rule { fails: n(1), ..rule() }, "++.");
    sleep(ms(20_999)).await;
    assert!(monitor.is_well());
    sleep(ms(2)).await;
    assert!(!monitor.is_well());
    assert_eq!(monitor.results().borrow().as_ref().unwrap().last, Health::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn the_checks_come_at_their_times_and_a_slow_one_delays_the_next() {
    let service = Service::default();
    let _monitor = service.monitor(Rule { limit: ms(15_000), ..rule() }, "+.+");
    let (start, mut asked) = (Instant::now(), Vec::new());
    for at in [1, 9_999, 10_001, 24_999, 25_001, 34_999, 35_001] {
        sleep_until(start + ms(at)).await;
        asked.push(service.asked());
    }
    // The second check begins at 10 s and times out at 25 s.
    assert_eq!(asked, [1, 1, 2, 2, 3, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_result_says_what_the_last_check_found_and_when() {
    let service = Service::default();
    let monitor = service.answers("+-");
    assert!(monitor.results().borrow().is_none());
    let start = Instant::now();
    sleep(ms(10_001)).await;
    let seen = monitor.results();
    let seen = seen.borrow();
    let seen = seen.as_ref().unwrap();
    assert_eq!((seen.well, seen.last), (false, Health::Down(Sick)));
    assert_eq!(seen.at - start, ms(10_000));
}

#[tokio::test(start_paused = true)]
async fn a_monitor_whose_check_panics_is_not_well_when_its_result_is_old() {
    let service = Service::default();
    let monitor = service.answers("++!");
    sleep(ms(34_999)).await; // the last result is of 10 s
    assert!(monitor.is_well());
    sleep(ms(1)).await;
    assert!(!monitor.is_well());
}

#[tokio::test(start_paused = true)]
async fn without_an_age_a_monitor_that_is_dead_says_well_for_ever() {
    let service = Service::default();
    let monitor = service.answers("++!");
    sleep(24 * HOUR).await;
    assert!(monitor.last_known());
    assert_eq!(service.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_slow_service_holds_up_no_other_check() {
    let (slow, quick) = (Service::default(), Service::default());
    let _slow = slow.answers(".");
    let quick_one = quick.answers("+");
    sleep(ms(500)).await;
    assert_eq!((slow.alive.count(), quick.asked()), (1, 1));
    let seen = quick_one.results();
    assert_eq!(seen.borrow().as_ref().unwrap().last, Health::Up);
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_is_dropped_asks_no_more_and_drops_its_question() {
    let service = Service::default();
    let monitor = service.answers(".");
    sleep(ms(500)).await;
    assert_eq!(service.alive.count(), 1);
    drop(monitor);
    yield_now().await;
    assert_eq!(service.alive.count(), 0);
    sleep(HOUR).await;
    assert_eq!(service.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_period_of_zero_panics_where_the_monitor_is_made() {
    let start =
        async { Service::default().monitor(Rule { every: ms(0), ..rule() }, "+") };
    let panic = backend::panics::panic_of(start).await;
    assert!(backend::panics::words(&*panic).contains("must be non-zero"));
}

#[tokio::test(start_paused = true)]
async fn ready_names_what_is_not_well() {
    let (good, bad) = (Service::default(), Service::default());
    let monitors = [
        ("stock", good.answers("+")),
        ("mail", bad.answers("-")),
        ("pay", good.answers("+")),
    ];
    assert_eq!(ready(&monitors).1, "not well: stock, mail, pay");
    sleep(ms(10_001)).await;
    assert_eq!(
        ready(&monitors),
        (StatusCode::SERVICE_UNAVAILABLE, "not well: mail".to_owned())
    );
    assert_eq!(ready(&monitors[..1]), (StatusCode::OK, "ready".to_owned()));
    assert_eq!(ready::<Sick>(&[]).0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_asks_waits_for_all_answers_and_asks_at_each_request() {
    let asked = AtomicUsize::new(0);
    let question = || async {
        asked.fetch_add(1, Ordering::SeqCst);
        sleep(ms(2_000)).await;
        Ok::<_, Sick>(())
    };
    let start = Instant::now();
    let handler = || naive::ready([question(), question(), question()]);
    assert_eq!(handler().await, StatusCode::OK);
    assert_eq!(start.elapsed(), ms(6_000));
    for _ in 0..9 {
        handler().await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 30);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_to_a_handler_that_reads_ask_nobody() {
    let service = Service::default();
    let monitors = [("stock", service.answers("+"))];
    sleep(ms(10_001)).await;
    let (asked, start) = (service.asked(), Instant::now());
    for _ in 0..1_000 {
        assert_eq!(ready(&monitors).0, StatusCode::OK);
    }
    assert_eq!((service.asked(), start.elapsed()), (asked, Duration::ZERO));
}

/// A server with both routes, whose only dependency is this server.
async fn shop(
    dependency: &str,
) -> (String, watch::Receiver<Option<Seen<reqwest::Error>>>) {
    let url = dependency.to_owned();
    let once =
        Rule { every: ms(1), limit: HOUR, fails: n(1), passes: n(1), stale: HOUR };
    let monitor = Monitor::start(once, move || http(url.clone()));
    let results = monitor.results();
    let monitors = Arc::new([("stock", monitor)]);
    let app = Router::new()
        .route("/live", get(async || "alive"))
        .route("/ready", get(async move || ready(&*monitors)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), results)
}

#[tokio::test]
async fn over_http_a_dependency_that_is_down_makes_it_not_ready_and_it_stays_alive() {
    let replies = [HttpReply::ok("fine"), HttpReply::status(503, "sick")];
    let site = HttpSite::default().with_replies("/", replies);
    let dependency = site.start().await;
    let (url, mut results) = shop(&dependency.url("/")).await;
    let down = |seen: &Option<Seen<_>>| seen.as_ref().is_some_and(|seen| !seen.well);
    drop(soon(results.wait_for(down)).await.unwrap());
    let ask = async |path| soon(reqwest::get(format!("{url}{path}"))).await.unwrap();
    let ready = ask("/ready").await;
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.text().await.unwrap(), "not well: stock");
    assert_eq!(ask("/live").await.status(), 200);
}

#[tokio::test]
async fn over_http_a_dependency_that_is_up_makes_it_ready() {
    let site = HttpSite::default().with_reply("/", HttpReply::ok("fine"));
    let dependency = site.start().await;
    let (url, mut results) = shop(&dependency.url("/")).await;
    drop(soon(results.wait_for(Option::is_some)).await.unwrap());
    let ready = soon(reqwest::get(format!("{url}/ready"))).await.unwrap();
    assert_eq!(ready.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_check_can_be_spawned_with_an_error_that_is_send() {
    let task = tokio::spawn(check(ms(10), async { Err(io::Error::other("down")) }));
    assert!(matches!(task.await.unwrap(), Health::Down(_)));
}
