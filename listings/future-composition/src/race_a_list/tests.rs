use super::*;
use backend::{Alive, Load, Reply, Site, SiteError, cancel};
use future_composition::one_error_type::{HttpError, causes, fetch_json};
use futures::FutureExt;
use futures::future;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

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

fn named<const N: usize>(
    site: &Site,
    paths: [&'static str; N],
) -> [(&'static str, impl Future<Output = Result<String, SiteError>> + Send + use<N>); N]
{
    paths.map(|path| (path, ask(site, path)))
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
async fn an_error_that_comes_first_does_not_win() {
    let site = two(20, 30).with_reply("primary", Reply::status(ms(20), 503));
    let start = Instant::now();
    let answer = first_by_name(named(&site, ["primary", "mirror"])).await.unwrap();
    assert_eq!((answer, start.elapsed()), (("mirror", "mirror".into()), ms(30)));
}

#[tokio::test(start_paused = true)]
async fn in_a_list_too_an_error_that_comes_first_does_not_win() {
    let site = two(20, 30)
        .with_reply("primary", Reply::status(ms(20), 503))
        .with_page("archive", ms(40));
    let start = Instant::now();
    let requests = ["archive", "primary", "mirror"].map(|path| ask(&site, path));
    let answer = first_to_succeed(requests).await;
    assert_eq!((answer, start.elapsed()), (Ok("mirror".into()), ms(30)));
    let load = Load { calls: 3, in_flight: 0, peak: 3, answered: 2, dropped: 1 };
    assert_eq!(site.load(), load, "the archive was dropped");
}

#[tokio::test(start_paused = true)]
async fn all_errors_come_back_in_the_order_in_which_they_came() {
    let site = Site::default()
        .with_reply("north", Reply::status(ms(20), 503))
        .with_reply("south", Reply::status(ms(30), 503))
        .with_reply("west", Reply::status(ms(10), 503));
    let start = Instant::now();
    let requests = ["north", "south", "west"].map(|path| ask(&site, path));
    let errors = first_to_succeed(requests).await.unwrap_err();
    let want = ["west", "north", "south"].map(not_served);
    assert_eq!((errors.as_slice(), start.elapsed()), (&want[..], ms(30)));
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_gives_an_empty_list_of_errors_at_once() {
    let start = Instant::now();
    let nobody: [BoxFuture<'_, Result<(), SiteError>>; 0] = [];
    let errors = timeout(HOUR, first_to_succeed(nobody)).await.unwrap();
    assert_eq!((errors, start.elapsed()), (Err(Vec::new()), ms(0)));
}

#[tokio::test(start_paused = true)]
async fn a_limit_loses_the_errors_so_far() {
    let (site, alive) = (two(0, 90), Alive::default());
    let refuse = || {
        let guard = alive.guard();
        async move {
            sleep(ms(20)).await;
            Err(guard)
        }
    };
    let slow = async {
        ask(&site, "mirror").await.unwrap();
        Ok(())
    };
    let requests = [refuse().boxed(), refuse().boxed(), slow.boxed()];
    let mut race = Box::pin(first_to_succeed(requests));
    assert!(timeout(ms(50), &mut race).await.is_err());
    assert_eq!((alive.count(), alive.dropped()), (2, 0), "it holds two errors");
    drop(race);
    assert_eq!((alive.count(), alive.dropped()), (0, 2));
    assert_eq!(site.load().dropped, 1, "and the request that still ran");
}

#[tokio::test(start_paused = true)]
async fn the_first_success_drops_the_others() {
    let site = two(20, 30).with_page("archive", ms(40));
    let start = Instant::now();
    let (winner, _) =
        first_by_name(named(&site, ["archive", "primary", "mirror"])).await.unwrap();
    assert_eq!((winner, start.elapsed()), ("primary", ms(20)));
    assert_eq!(
        site.load(),
        Load { calls: 3, in_flight: 0, peak: 3, answered: 1, dropped: 2 }
    );
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_each_error_comes_back_with_its_name() {
    let site = Site::default().with_reply("primary", Reply::status(ms(20), 503));
    let start = Instant::now();
    let lost = first_by_name(named(&site, ["primary", "nowhere"])).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(20));
    assert_eq!(
        lost.to_string(),
        "all requests failed: nowhere: nowhere: not found; primary: primary: status 503"
    );
    let nowhere = SiteError::NotFound { path: "nowhere".into() };
    let want = [("nowhere", nowhere), ("primary", not_served("primary"))];
    assert!(matches!(lost, Lost::AllFailed(failures) if failures == want));
}

/// What `fetch_json` says of an address where nobody listens: five errors, each the
/// cause of the one before.
async fn refused() -> Result<(), HttpError> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    fetch_json(&client, &url).await
}

fn in_one_line(error: &HttpError) -> String {
    let chain: Vec<_> = causes(error).map(ToString::to_string).collect();
    assert_eq!(chain.len(), 5, "{chain:?}");
    chain.join(": ")
}

#[tokio::test]
async fn each_failure_is_printed_with_all_its_causes_and_each_of_them_once() {
    let requests = [("north", refused().boxed()), ("south", refused().boxed())];
    let lost = first_by_name(requests).await.unwrap_err();
    let failures = match &lost {
        Lost::NobodyToAsk => panic!("{lost}"),
        Lost::AllFailed(failures) => failures,
    };
    let lines: Vec<_> = failures
        .iter()
        .map(|(name, error)| format!("{name}: {}", in_one_line(error)))
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lost.to_string(), format!("all requests failed: {}", lines.join("; ")));
    assert_eq!(causes(&lost).count(), 1, "no cause is told twice");

    let nobody: [(&str, BoxFuture<'_, Result<(), HttpError>>); 0] = [];
    let lost = first_by_name(nobody).await.unwrap_err();
    assert_eq!((causes(&lost).count(), lost.to_string().contains(':')), (1, false));
}

#[tokio::test(start_paused = true)]
async fn nobody_to_ask_is_an_error_at_once() {
    let start = Instant::now();
    let race = first_by_name(named(&Site::default(), []));
    let lost = timeout(HOUR, race).await.unwrap().unwrap_err();
    assert!(matches!(lost, Lost::NobodyToAsk));
    assert_eq!(
        (lost.to_string().as_str(), start.elapsed().as_millis()),
        ("there was nobody to ask", 0)
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_all_requests_are_dropped() {
    let site = two(20, 30).with_reply("primary", Reply::status(ms(20), 503));
    let make = || first_by_name(named(&site, ["primary", "mirror"]));
    let points =
        cancel::at_every_await(make, |_, _| assert_nobody_left(site.load())).await;
    assert!(
        points >= 3,
        "before the first poll, with two in the race, with one: {points}"
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_all_of_a_list_are_dropped() {
    let site = two(20, 30).with_reply("primary", Reply::status(ms(20), 503));
    let make = || first_to_succeed(["primary", "mirror"].map(|path| ask(&site, path)));
    let points =
        cancel::at_every_await(make, |_, _| assert_nobody_left(site.load())).await;
    assert!(points >= 3, "{points}");
}

#[tokio::test(start_paused = true)]
async fn select_ok_keeps_only_the_last_error() {
    let site = Site::default().with_reply("primary", Reply::status(ms(20), 503));
    let requests = vec![ask(&site, "primary").boxed(), ask(&site, "nowhere").boxed()];
    let error = naive::use_first(requests, future::ready).await.unwrap_err();
    assert_eq!(error, not_served("primary"));
}

#[tokio::test]
async fn select_ok_of_nothing_panics() {
    let race = naive::use_first(
        Vec::<BoxFuture<'_, Result<(), SiteError>>>::new(),
        future::ready,
    );
    let panic = tokio::spawn(race).await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref(), Some(&"iterator provided to select_ok was empty"));
}

#[tokio::test(start_paused = true)]
async fn select_ok_hands_the_losers_back_alive() {
    let site = two(20, 30);
    let requests = vec![ask(&site, "primary").boxed(), ask(&site, "mirror").boxed()];
    let then = |_| async {
        sleep(SECOND).await;
        site.load()
    };
    let seen = naive::use_first(requests, then).await.unwrap();
    assert_eq!((seen.in_flight, seen.dropped), (1, 0), "its answer came 990 ms ago");
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn bound_to_an_underscore_the_losers_of_select_ok_are_dropped() {
    let site = two(20, 30);
    let requests = vec![ask(&site, "primary").boxed(), ask(&site, "mirror").boxed()];
    let then = |answer| {
        let load = site.load();
        async move { (answer, load) }
    };
    let (answer, seen) = use_first(requests, then).await.unwrap();
    assert_eq!((answer.as_str(), seen.in_flight, seen.dropped), ("primary", 0, 1));
    let requests = vec![ask(&site, "nowhere").boxed()];
    let then = |answer| async move { answer };
    let nowhere = SiteError::NotFound { path: "nowhere".into() };
    assert_eq!(use_first(requests, then).await, Err(nowhere));
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
async fn in_a_list_a_busy_racer_keeps_nobody_from_winning() {
    let racers = [("busy", busy().boxed()), ("quick", quick().boxed())];
    assert_eq!(first_by_name(racers).await.unwrap().0, "quick");
    let racers = [("quick", quick().boxed()), ("busy", busy().boxed())];
    assert_eq!(first_by_name(racers).await.unwrap().0, "quick");
    let racers = [busy().boxed(), quick().boxed()];
    assert_eq!(first_to_succeed(racers).await, Ok("quick"));
    let racers = [quick().boxed(), busy().boxed()];
    assert_eq!(first_to_succeed(racers).await, Ok("quick"));
}

#[tokio::test(start_paused = true)]
async fn every_race_of_a_list_can_be_spawned() {
    let site = two(20, 30);
    tokio::spawn(first_by_name(named(&site, ["primary", "mirror"])))
        .await
        .unwrap()
        .unwrap();
    let requests = ["primary", "mirror"].map(|path| ask(&site, path).boxed());
    tokio::spawn(first_to_succeed(requests)).await.unwrap().unwrap();
    let (first, then) = (vec![ask(&site, "primary").boxed()], future::ready);
    tokio::spawn(use_first(first, then)).await.unwrap().unwrap();
}
