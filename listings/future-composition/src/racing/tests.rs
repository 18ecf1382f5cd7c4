use super::*;
use backend::{Alive, HttpReply, HttpSite, Load, Reply, Site, SiteError, cancel};
use future_composition::one_error_type::{HttpError, causes, fetch_json};
use futures::FutureExt;
use futures::future;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};
use tokio::net::TcpSocket;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

const DECADE: Duration = Duration::from_hours(10 * 365 * 24);

/// Long enough for any machine; only a broken listing waits that long.
const AGES: Duration = Duration::from_mins(1);

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
async fn the_quicker_of_two_wins() {
    for (primary, mirror, winner) in [(20, 30, "primary"), (30, 20, "mirror")] {
        let (start, site) = (Instant::now(), two(primary, mirror));
        let answer =
            first_to_finish(ask(&site, "primary"), ask(&site, "mirror"), SECOND)
                .await
                .unwrap();
        assert_eq!((answer.unwrap().as_str(), start.elapsed()), (winner, ms(20)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_ends_the_race_to_the_millisecond() {
    let (start, site) = (Instant::now(), two(1001, 1002));
    let race = first_to_finish(ask(&site, "primary"), ask(&site, "mirror"), SECOND);
    let error = race.await.unwrap_err();
    assert_eq!((error, start.elapsed()), (TooLate { limit: SECOND }, SECOND));
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn biased_gives_each_tie_to_the_upper_line() {
    for _ in 0..200 {
        let site = two(10, 10);
        let winner = select! {
            biased;
            answer = ask(&site, "primary") => answer,
            answer = ask(&site, "mirror") => answer,
        };
        assert_eq!(winner.unwrap(), "primary");
    }
}

/// Of 200 ties, both sides win some.
async fn either_side_wins<F: Future<Output = String>>(mut race: impl FnMut(Site) -> F) {
    let (mut primary, mut mirror) = (0, 0);
    for _ in 0..200 {
        match race(two(10, 10)).await.as_str() {
            "primary" => primary += 1,
            _ => mirror += 1,
        }
    }
    assert!(primary > 0 && mirror > 0, "{primary} to {mirror}");
}

#[tokio::test(start_paused = true)]
async fn without_biased_both_sides_win_some_ties() {
    either_side_wins(|site| async move {
        let race = naive::first_answer(ask(&site, "primary"), ask(&site, "mirror"));
        race.await.unwrap()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn either_side_may_win_a_tie() {
    either_side_wins(|site| async move {
        let (primary, mirror) = (ask(&site, "primary"), ask(&site, "mirror"));
        first_to_finish(primary, mirror, ms(10)).await.unwrap().unwrap()
    })
    .await;
    either_side_wins(|site| async move {
        either_success(ask(&site, "primary"), ask(&site, "mirror")).await.unwrap()
    })
    .await;
    either_side_wins(|site| async move {
        let primary = sleep(ms(5)).then(|()| ask(&site, "primary"));
        hedge(primary, ms(5), || ask(&site, "mirror")).await.unwrap()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_at_the_limit_is_in_time() {
    for (primary, mirror) in [(10, 20), (20, 10)] {
        let site = two(primary, mirror);
        let race = first_to_finish(ask(&site, "primary"), ask(&site, "mirror"), ms(10));
        assert!(race.await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn the_loser_is_dropped_before_the_race_returns() {
    let (site, alive) = (two(20, 30), Alive::default());
    let loser = {
        let (mirror, guard) = (ask(&site, "mirror"), alive.guard());
        async move {
            let _guard = guard;
            mirror.await
        }
    };
    first_to_finish(ask(&site, "primary"), loser, SECOND).await.unwrap().unwrap();
    assert_eq!((alive.count(), alive.dropped()), (0, 1));
    assert_eq!(
        site.load(),
        Load { calls: 2, in_flight: 0, peak: 2, answered: 1, dropped: 1 }
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_loser_did_before_its_await_stays_done() {
    let (orders, mut placed) = mpsc::channel(2);
    let order = |shop, takes| {
        let orders = orders.clone();
        async move {
            orders.send(shop).await.unwrap();
            sleep(takes).await;
            shop
        }
    };
    let race = first_to_finish(order("quick", ms(10)), order("slow", ms(20)), SECOND);
    assert_eq!(race.await, Ok("quick"));
    let mut done = [placed.try_recv().unwrap(), placed.try_recv().unwrap()];
    done.sort_unstable();
    assert_eq!(done, ["quick", "slow"]);
}

#[tokio::test(start_paused = true)]
async fn the_losers_are_gone_when_the_handler_runs() {
    let site = two(20, 30);
    let seen = select! {
        _ = site.fetch("primary") => site.load(),
        _ = site.fetch("mirror") => unreachable!("the mirror is slower"),
    };
    assert_eq!((seen.answered, seen.dropped), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_lock_of_a_loser_is_free_in_the_handler() {
    let stock = Mutex::new(());
    let mirror = async {
        let _guard = stock.lock().await;
        sleep(SECOND).await;
    };
    let free = select! {
        () = sleep(ms(10)) => stock.try_lock().is_ok(),
        () = mirror => unreachable!("the mirror is slower"),
    };
    assert!(free);
}

#[tokio::test(start_paused = true)]
async fn the_loser_does_nothing_more() {
    let done = RefCell::new(Vec::new());
    let step = |name, after| {
        let done = &done;
        async move {
            done.borrow_mut().push((name, "sent"));
            sleep(after).await;
            done.borrow_mut().push((name, "answered"));
        }
    };
    let race = first_to_finish(step("primary", ms(60)), step("mirror", ms(30)), HOUR);
    race.await.unwrap();
    sleep(SECOND).await;
    let mut done = done.take();
    done.sort_unstable();
    let want = [("mirror", "answered"), ("mirror", "sent"), ("primary", "sent")];
    assert_eq!(done, want);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_race_leaves_nobody_behind() {
    let site = two(20, 30);
    let make = || first_to_finish(ask(&site, "primary"), ask(&site, "mirror"), SECOND);
    let points =
        cancel::at_every_await(make, |_, _| assert_nobody_left(site.load())).await;
    assert_eq!(points, 2, "before the first poll, and while all three wait");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_first_wins_a_select() {
    let site = two(20, 30).with_reply("primary", Reply::status(ms(20), 503));
    let start = Instant::now();
    let error = naive::first_answer(ask(&site, "primary"), ask(&site, "mirror"))
        .await
        .unwrap_err();
    assert_eq!((error, start.elapsed()), (not_served("primary"), ms(20)));
    assert_eq!(site.load().dropped, 1, "the good answer was 10 ms away");
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

    let both = hedge(refused(), HOUR, refused).await.unwrap_err();
    let (primary, backup) = (in_one_line(&both.primary), in_one_line(&both.backup));
    assert_eq!(both.to_string(), format!("primary: {primary}; backup: {backup}"));
    assert_eq!(causes(&both).count(), 1, "no cause is told twice");

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

#[tokio::test]
async fn a_losing_request_is_cut_off_at_the_server() {
    let both = HttpReply::ok("here").together(2);
    let site = HttpSite::default()
        .with_reply("/quick", both.clone())
        .with_reply("/stuck", both.body_hangs());
    let server = site.start().await;
    let client = reqwest::Client::new();
    let get = |path| {
        let request = client.get(server.url(path)).send();
        (path, async move { request.await?.text().await })
    };
    let answer = first_by_name([get("/stuck"), get("/quick")]).await.unwrap();
    assert_eq!(answer, ("/quick", "here".into()));
    server.until(|load| load.dropped == 1 && load.in_flight == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_does_not_match_takes_its_branch_out() {
    let site = two(20, 30).with_reply("primary", Reply::status(ms(20), 503));
    let start = Instant::now();
    let answer = either_success(ask(&site, "primary"), ask(&site, "mirror")).await;
    assert_eq!((answer.as_deref(), start.elapsed()), (Some("mirror"), ms(30)));
    let answer = either_success(ask(&site, "mirror"), ask(&site, "primary")).await;
    assert_eq!((answer.as_deref(), start.elapsed()), (Some("mirror"), ms(60)));
}

#[tokio::test(start_paused = true)]
async fn when_no_pattern_matches_else_answers() {
    let site = Site::default().with_reply("primary", Reply::status(ms(20), 503));
    let start = Instant::now();
    let answer = either_success(ask(&site, "primary"), ask(&site, "nowhere")).await;
    assert_eq!((answer, start.elapsed()), (None, ms(20)));
}

#[tokio::test(start_paused = true)]
async fn without_else_a_race_that_nobody_wins_panics() {
    let site = Site::default();
    let race = naive::either_success(ask(&site, "nowhere"), ask(&site, "no way"));
    let panic = tokio::spawn(race).await.unwrap_err().into_panic();
    let message = "all branches are disabled and there is no else branch";
    assert_eq!(panic.downcast_ref(), Some(&message));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_does_not_match_is_gone() {
    let (sender, mut inbox) = mpsc::channel(2);
    sender.send("news").await.unwrap();
    let alarm = naive::alarm_before(sleep(ms(10)), &mut inbox).await;
    assert_eq!((alarm, inbox.try_recv()), (false, Err(TryRecvError::Empty)));
}

#[tokio::test(start_paused = true)]
async fn after_a_message_that_does_not_match_nobody_reads() {
    let (sender, mut inbox) = mpsc::channel(2);
    sender.send("news").await.unwrap();
    sender.send("alarm").await.unwrap();
    let alarm = naive::alarm_before(sleep(ms(10)), &mut inbox).await;
    assert_eq!((alarm, inbox.try_recv()), (false, Ok("alarm")), "it was there");
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_takes_each_message_loses_none() {
    let (sender, mut inbox) = mpsc::channel(4);
    for message in ["news", "more news", "alarm", "the rest"] {
        sender.send(message).await.unwrap();
    }
    let mut aside = Vec::new();
    let start = Instant::now();
    let put_aside = |message| aside.push(message);
    assert!(alarm_before(sleep(SECOND), &mut inbox, put_aside).await);
    assert_eq!((aside, inbox.try_recv()), (vec!["news", "more news"], Ok("the rest")));
    assert_eq!(start.elapsed(), ms(0));
    sender.send("late news").await.unwrap();
    let mut aside = Vec::new();
    let put_aside = |message| aside.push(message);
    assert!(!alarm_before(sleep(SECOND), &mut inbox, put_aside).await);
    assert_eq!((aside, start.elapsed()), (vec!["late news"], SECOND));
    drop(sender);
    let stop = sleep(SECOND);
    let nothing = |_| unreachable!("the channel has ended");
    assert!(!alarm_before(stop, &mut inbox, nothing).await);
    assert_eq!(start.elapsed(), 2 * SECOND, "the end of the channel is no alarm");
}

#[tokio::test(start_paused = true)]
async fn a_watch_for_an_alarm_that_is_dropped_loses_no_message() {
    let (sender, mut inbox) = mpsc::channel(2);
    sender.send("news").await.unwrap();
    let mut aside = Vec::new();
    let watch = alarm_before(future::pending(), &mut inbox, |m| aside.push(m));
    cancel::after_polls(0, watch).await;
    let watch = alarm_before(future::pending(), &mut inbox, |m| aside.push(m));
    cancel::after_polls(1, watch).await;
    sender.send("alarm").await.unwrap();
    assert_eq!((aside, inbox.try_recv()), (vec!["news"], Ok("alarm")));
}

#[tokio::test(start_paused = true)]
async fn either_success_leaves_nobody_behind() {
    let site = two(20, 30).with_reply("primary", Reply::status(ms(20), 503));
    let make = || either_success(ask(&site, "primary"), ask(&site, "mirror"));
    let points =
        cancel::at_every_await(make, |_, _| assert_nobody_left(site.load())).await;
    assert_eq!(points, 3, "before the first poll, with two in the race, with one");
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
async fn a_racer_that_is_always_busy_is_ended_at_the_limit() {
    let late = TooLate { limit: ms(1) };
    let race = first_to_finish(busy(), future::pending(), ms(1)).await;
    assert_eq!(race.unwrap_err(), late);
    let race = first_to_finish(future::pending(), busy(), ms(1)).await;
    assert_eq!(race.unwrap_err(), late);
}

#[tokio::test]
async fn a_sleep_in_the_last_branch_is_no_limit_for_a_busy_racer() {
    let race = naive::first_to_finish(busy(), future::pending(), ms(1)).await;
    assert_eq!(race.unwrap().unwrap(), "busy");
    let race = naive::first_to_finish(future::pending::<()>(), sleep(HOUR), ms(1));
    assert_eq!(race.await.unwrap_err(), TooLate { limit: ms(1) });
}

#[tokio::test(start_paused = true)]
async fn the_longest_duration_is_no_limit_and_no_delay() {
    let start = Instant::now();
    // One `sleep` of Tokio ends after 30 years, however long it was to be.
    let slow = || async {
        for _ in 0..4 {
            sleep(DECADE).await;
        }
        Err(not_served("primary"))
    };
    let never = future::pending::<Result<Duration, _>>();
    let race = first_to_finish(slow(), never, Duration::MAX).await;
    assert_eq!((race.unwrap().is_err(), start.elapsed()), (true, 4 * DECADE));
    let backup = || async move { Ok(start.elapsed()) };
    assert_eq!(hedge(slow(), Duration::MAX, backup).await, Ok(8 * DECADE));
}

#[tokio::test]
async fn a_busy_racer_keeps_nobody_from_winning() {
    let finished = [
        first_to_finish(busy(), quick(), HOUR).await.unwrap().unwrap(),
        first_to_finish(quick(), busy(), HOUR).await.unwrap().unwrap(),
    ];
    assert_eq!(finished, ["quick"; 2]);
    let succeeded = [
        either_success(busy(), quick()).await.unwrap(),
        either_success(quick(), busy()).await.unwrap(),
    ];
    assert_eq!(succeeded, ["quick"; 2]);
    let racers = [("busy", busy().boxed()), ("quick", quick().boxed())];
    assert_eq!(first_by_name(racers).await.unwrap().0, "quick");
    let racers = [("quick", quick().boxed()), ("busy", busy().boxed())];
    assert_eq!(first_by_name(racers).await.unwrap().0, "quick");
    let racers = [busy().boxed(), quick().boxed()];
    assert_eq!(first_to_succeed(racers).await, Ok("quick"));
    let racers = [quick().boxed(), busy().boxed()];
    assert_eq!(first_to_succeed(racers).await, Ok("quick"));
    let tasks = [
        race_tasks(busy(), quick()).await.unwrap().unwrap(),
        race_tasks(quick(), busy()).await.unwrap().unwrap(),
    ];
    assert_eq!(tasks, ["quick"; 2]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racers_that_block_their_threads_run_at_the_same_time() {
    let (to_mirror, from_primary) = std_mpsc::channel();
    let (to_primary, from_mirror) = std_mpsc::channel();
    let primary = async move {
        to_mirror.send(()).unwrap();
        from_mirror.recv_timeout(AGES).is_ok()
    };
    let mirror = async move {
        to_primary.send(()).unwrap();
        from_primary.recv_timeout(AGES).is_ok()
    };
    let race = race_tasks(primary, mirror);
    assert!(tokio::spawn(race).await.unwrap().unwrap(), "each has met the other");
}

#[tokio::test(start_paused = true)]
async fn racers_that_are_tasks_run_while_nobody_polls_the_race() {
    let site = two(20, 30);
    let mut race = Box::pin(race_tasks(ask(&site, "primary"), ask(&site, "mirror")));
    sleep(ms(50)).await;
    assert_eq!(site.load().calls, 0, "before the first poll there is no task");
    assert!(futures::poll!(&mut race).is_pending());
    sleep(ms(50)).await;
    assert_eq!(site.load().answered, 2);
    race.await.unwrap().unwrap();
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_a_runtime_no_task_can_be_asked() {
    let race = either_task(async { Ok::<_, SiteError>(()) }, async { Ok(()) });
    assert_eq!(futures::executor::block_on(race), None);
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_a_runtime_tasks_cannot_race() {
    drop(futures::executor::block_on(race_tasks(async {}, async {})));
}

#[tokio::test(start_paused = true)]
async fn the_losing_task_is_aborted() {
    for (primary, mirror, winner) in [(20, 30, "primary"), (30, 20, "mirror")] {
        let (start, site) = (Instant::now(), two(primary, mirror));
        let answer =
            race_tasks(ask(&site, "primary"), ask(&site, "mirror")).await.unwrap();
        assert_eq!((answer.as_deref(), start.elapsed()), (Ok(winner), ms(20)));
        sleep(ms(1)).await;
        assert_eq!((site.load().in_flight, site.load().dropped), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_losing_task_runs_on_when_only_its_handle_is_dropped() {
    let site = two(20, 30);
    naive::race_tasks(ask(&site, "primary"), ask(&site, "mirror"))
        .await
        .unwrap()
        .unwrap();
    sleep(ms(11)).await;
    assert_eq!((site.load().answered, site.load().dropped), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_losing_task_that_computes_runs_to_its_end() {
    let (started, starts) = std_mpsc::channel();
    let (go, may_end) = std_mpsc::channel();
    let (ended, ends) = oneshot::channel();
    let loser = async move {
        started.send(()).unwrap();
        may_end.recv_timeout(AGES).unwrap();
        ended.send(()).unwrap();
    };
    let winner = async move { starts.recv_timeout(AGES).unwrap() };
    tokio::spawn(race_tasks(loser, winner)).await.unwrap().unwrap();
    go.send(()).unwrap();
    assert_eq!(ends.await, Ok(()), "it was aborted before, and went on");
}

#[tokio::test(start_paused = true)]
async fn one_ok_of_a_task_matches_a_refusal() {
    let site = two(20, 30).with_reply("primary", Reply::status(ms(20), 503));
    let (primary, mirror) = (ask(&site, "primary"), ask(&site, "mirror"));
    let answer = naive::either_task(primary, mirror).await;
    assert_eq!(answer, Some(Err(not_served("primary"))));
}

#[tokio::test(start_paused = true)]
async fn two_oks_of_a_task_match_only_a_success() {
    let down = |after| Reply::status(ms(after), 503);
    let good = |after| Reply::page(ms(after), "good");
    for (primary, mirror, want, took) in [
        (down(20), good(30), Some("good"), 30),
        (good(30), down(20), Some("good"), 30),
        (good(20), good(30), Some("good"), 20),
        (down(20), down(30), None, 30),
    ] {
        let site =
            Site::default().with_reply("primary", primary).with_reply("mirror", mirror);
        let start = Instant::now();
        let answer = either_task(ask(&site, "primary"), ask(&site, "mirror")).await;
        assert_eq!((answer.as_deref(), start.elapsed()), (want, ms(took)));
        sleep(ms(1)).await;
        assert_nobody_left(site.load());
    }
    let good = async { Ok::<_, SiteError>("good") };
    let answer = either_task(async { panic!("out of paper") }, good).await;
    assert_eq!(answer, Some("good"), "a panic is no success");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_race_for_a_success_aborts_both_tasks() {
    let site = two(20, 30);
    let race = either_task(ask(&site, "primary"), ask(&site, "mirror"));
    timeout(ms(10), race).await.unwrap_err();
    sleep(ms(1)).await;
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_race_of_tasks_aborts_both() {
    let site = two(20, 30);
    let race = race_tasks(ask(&site, "primary"), ask(&site, "mirror"));
    timeout(ms(10), race).await.unwrap_err();
    sleep(ms(1)).await;
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_panic_wins_the_race_of_tasks_as_an_error() {
    let slow = async { sleep(SECOND).await };
    let error = race_tasks(async { panic!("out of paper") }, slow).await.unwrap_err();
    assert!(error.is_panic());
}

#[tokio::test(start_paused = true)]
async fn every_race_can_be_spawned() {
    let site = two(20, 30);
    let (primary, mirror) =
        (|site: &Site| ask(site, "primary"), |site: &Site| ask(site, "mirror"));
    tokio::spawn(first_to_finish(primary(&site), mirror(&site), SECOND))
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    tokio::spawn(first_by_name(named(&site, ["primary", "mirror"])))
        .await
        .unwrap()
        .unwrap();
    tokio::spawn(either_success(primary(&site), mirror(&site))).await.unwrap().unwrap();
    let requests = [primary(&site).boxed(), mirror(&site).boxed()];
    tokio::spawn(first_to_succeed(requests)).await.unwrap().unwrap();
    let (report, calls) = (async {}, (primary(&site), mirror(&site)));
    let race = hedge_and_report(calls.0, ms(10), report, calls.1);
    tokio::spawn(race).await.unwrap().unwrap();
    tokio::spawn(either_task(primary(&site), mirror(&site))).await.unwrap().unwrap();
    let (first, then) = (vec![primary(&site).boxed()], future::ready);
    tokio::spawn(use_first(first, then)).await.unwrap().unwrap();
    let (sender, mut inbox) = mpsc::channel(1);
    sender.send("alarm").await.unwrap();
    let watch =
        async move { alarm_before(future::pending(), &mut inbox, |_| {}).await };
    assert!(tokio::spawn(watch).await.unwrap());
    let backup = mirror(&site);
    tokio::spawn(hedge(primary(&site), ms(10), || backup)).await.unwrap().unwrap();
    tokio::spawn(race_tasks(primary(&site), mirror(&site)))
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
