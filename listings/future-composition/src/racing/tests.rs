use super::*;
use backend::{Alive, HttpReply, HttpSite, Load, Reply, Site, SiteError, cancel};
use futures::FutureExt;
use futures::future;
use std::cell::RefCell;
use std::sync::mpsc as std_mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Mutex, mpsc, oneshot};
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
        async move { request.await?.text().await }
    };
    let answer = either_success(get("/stuck"), get("/quick")).await;
    assert_eq!(answer.as_deref(), Some("here"));
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
    let alarm = select! {
        Some("alarm") = inbox.recv() => true,
        () = sleep(ms(10)) => false,
    };
    assert_eq!((alarm, inbox.try_recv()), (false, Err(TryRecvError::Empty)));
}

#[tokio::test(start_paused = true)]
async fn either_success_leaves_nobody_behind() {
    let site = two(20, 30).with_reply("primary", Reply::status(ms(20), 503));
    let make = || either_success(ask(&site, "primary"), ask(&site, "mirror"));
    let points =
        cancel::at_every_await(make, |_, _| assert_nobody_left(site.load())).await;
    assert_eq!(points, 3, "before the first poll, with two in the race, with one");
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
async fn the_longest_duration_is_no_limit() {
    let start = Instant::now();
    // One `sleep` of Tokio ends after 30 years, however long it was to be.
    let slow = || async {
        for _ in 0..4 {
            sleep(DECADE).await;
        }
        Err(not_served("primary"))
    };
    let never = future::pending::<Result<(), _>>();
    let race = first_to_finish(slow(), never, Duration::MAX).await;
    assert_eq!((race.unwrap().is_err(), start.elapsed()), (true, 4 * DECADE));
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
    let tasks = [
        race_tasks(busy(), quick()).await.unwrap().unwrap(),
        race_tasks(quick(), busy()).await.unwrap().unwrap(),
    ];
    assert_eq!(tasks, ["quick"; 2]);
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
    tokio::spawn(either_success(primary(&site), mirror(&site))).await.unwrap().unwrap();
    tokio::spawn(either_task(primary(&site), mirror(&site))).await.unwrap().unwrap();
    tokio::spawn(race_tasks(primary(&site), mirror(&site)))
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
