use std::cell::{Cell, RefCell};
use std::panic::panic_any;
use std::time::Duration;

use backend::panics::{panic_of, words};
use backend::script::closing;
use backend::{Alive, cancel, ends, polls};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The town closes at 25 ms, the web at 50 ms: eight sales.
fn town() -> mpsc::Receiver<&'static str> {
    closing([(5, "town 1"), (15, "town 2"), (25, "town 3")])
}

fn web() -> mpsc::Receiver<&'static str> {
    closing([(10, "web 1"), (20, "web 2"), (30, "web 3"), (40, "web 4"), (50, "web 5")])
}

const EIGHT: [&str; 8] =
    ["town 1", "web 1", "town 2", "web 2", "town 3", "web 3", "web 4", "web 5"];

/// A channel with `messages` in it, which then ends.
fn ended<T>(messages: impl IntoIterator<Item = T>) -> mpsc::Receiver<T> {
    let (sender, receiver) = mpsc::channel(16);
    for message in messages {
        sender.try_send(message).ok().unwrap();
    }
    receiver
}

/// What is left in a channel that has ended.
fn left<T>(mut channel: mpsc::Receiver<T>) -> Vec<T> {
    let mut left = Vec::new();
    while let Ok(message) = channel.try_recv() {
        left.push(message);
    }
    left
}

/// Stops a loop that spins.
struct Spins;

/// Panics with [`Spins`] at the 1000th call.
fn at_most_1000_times() -> impl FnMut() {
    let mut calls = 0;
    move || {
        calls += 1;
        if calls == 1000 {
            panic_any(Spins);
        }
    }
}

/// Panics when one end is told twice: a loop that spins does so.
fn once_each() -> impl FnMut(&'static str) {
    let mut told = Vec::new();
    move |shop| {
        assert!(!told.contains(&shop), "{shop}: told twice");
        told.push(shop);
    }
}

// Pattern and `else`.

#[tokio::test(start_paused = true)]
async fn each_of_eight_sales_is_written_once() {
    let start = Instant::now();
    let mut written = Vec::new();
    ends(until_both_end(&mut town(), &mut web(), |sale| written.push(sale))).await;
    assert_eq!(written, EIGHT);
    assert_eq!(start.elapsed(), ms(50));
}

#[tokio::test(start_paused = true)]
async fn after_one_shop_has_closed_the_loop_does_not_spin() {
    let (mut town, mut web) = (town(), web());
    let ((), polls) = ends(polls(until_both_end(&mut town, &mut web, drop))).await;
    // One at the start, one for each sale, and at most one for each end.
    assert!((9..=11).contains(&polls), "{polls}");
}

#[tokio::test(start_paused = true)]
async fn either_shop_may_be_the_last_one() {
    for _ in 0..2 {
        let mut written = Vec::new();
        ends(until_both_end(&mut web(), &mut town(), |sale| written.push(sale))).await;
        assert_eq!(written, EIGHT);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_poll_the_loop_loses_no_sale() {
    for polls in 1..12 {
        let (mut town, mut web) = (town(), web());
        let written = RefCell::new(Vec::new());
        let write = |sale| written.borrow_mut().push(sale);
        let _ = cancel::after_polls(polls, until_both_end(&mut town, &mut web, write))
            .await;
        ends(until_both_end(&mut town, &mut web, write)).await;
        assert_eq!(*written.borrow(), EIGHT, "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn with_break_at_none_three_sales_stay_in_the_other_channel() {
    let (mut town, mut web) = (town(), web());
    let mut written = Vec::new();
    ends(naive::until_the_first_ends(&mut town, &mut web, |sale| written.push(sale)))
        .await;
    assert_eq!(written, EIGHT[..5]);
    sleep(ms(100)).await;
    assert_eq!(left(web), ["web 3", "web 4", "web 5"]);
}

#[tokio::test(start_paused = true)]
async fn without_an_else_the_end_of_both_is_a_panic() {
    let mut written = Vec::new();
    let panic = panic_of(naive::without_else(&mut town(), &mut web(), |sale| {
        written.push(sale);
    }))
    .await;
    assert_eq!(words(&*panic), "all branches are disabled and there is no else branch");
    assert_eq!(written, EIGHT);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_somebody_keeps_leaves_the_loop_waiting() {
    let ((sender, mut town), mut web) = (mpsc::channel(1), ended([]));
    let kept = sender.clone();
    sender.send("town 1").await.expect("the receiver is there");
    drop(sender);
    let mut written = Vec::new();
    let waiting = until_both_end(&mut town, &mut web, |sale| written.push(sale));
    assert!(timeout(Duration::from_hours(1), waiting).await.is_err());
    assert_eq!(written, ["town 1"]);
    drop(kept);
    ends(until_both_end(&mut town, &mut web, drop)).await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_ends_when_the_last_clone_of_its_sender_is_gone() {
    let (town, mut sales) = mpsc::channel(4);
    let web = town.clone();
    tokio::spawn(async move { town.send("town 1").await });
    tokio::spawn(async move {
        sleep(ms(10)).await;
        web.send("web 1").await
    });
    assert_eq!(ends(sales.recv()).await, Some("town 1"));
    assert_eq!(ends(sales.recv()).await, Some("web 1"));
    assert_eq!(ends(sales.recv()).await, None);
}

// Flags.

#[tokio::test(start_paused = true)]
async fn with_flags_each_end_is_told_when_it_comes() {
    let start = Instant::now();
    let news = RefCell::new(Vec::new());
    let tell = |what| {
        news.borrow_mut().push((start.elapsed().as_millis(), what));
        assert!(news.borrow().len() <= 10, "eight sales and two ends");
    };
    ends(telling_each_end(&mut town(), &mut web(), tell, tell)).await;
    let mut expected: Vec<_> = (1..).map(|n| n * 5).zip(EIGHT).collect();
    expected[6].0 = 40;
    expected[7].0 = 50;
    expected.insert(5, (25, "town"));
    expected.push((50, "web"));
    assert_eq!(*news.borrow(), expected);
}

#[tokio::test(start_paused = true)]
async fn with_flags_the_loop_does_not_spin() {
    let (mut town, mut web) = (town(), web());
    let future = telling_each_end(&mut town, &mut web, drop, once_each());
    let ((), polls) = ends(polls(future)).await;
    assert!((9..=11).contains(&polls), "{polls}");
}

#[tokio::test(start_paused = true)]
async fn with_flags_too_a_drop_loses_no_sale() {
    for polls in 1..12 {
        let (mut town, mut web) = (town(), web());
        let written = RefCell::new(Vec::new());
        let write = |sale| written.borrow_mut().push(sale);
        let first = telling_each_end(&mut town, &mut web, write, once_each());
        let _ = cancel::after_polls(polls, first).await;
        ends(telling_each_end(&mut town, &mut web, write, once_each())).await;
        assert_eq!(*written.borrow(), EIGHT, "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn flags_that_nobody_sets_leave_a_loop_that_spins() {
    let mut written = Vec::new();
    let panic = panic_of(naive::with_dead_flags(
        &mut ended(["tea"]),
        &mut ended(["milk"]),
        |sale| written.push(sale),
        at_most_1000_times(),
    ))
    .await;
    assert!(panic.is::<Spins>());
    written.sort_unstable();
    assert_eq!(written, ["milk", "tea"]);
}

// A set of tasks as a third source.

#[tokio::test(start_paused = true)]
async fn with_tasks_the_loop_ends_when_the_last_task_has_ended() {
    let start = Instant::now();
    let mut printed = Vec::new();
    let print = |sale| async move {
        sleep(ms(102)).await;
        sale
    };
    ends(with_tasks(&mut town(), &mut web(), print, |result| {
        printed.push(result.expect("it does not panic"));
    }))
    .await;
    assert_eq!(printed, EIGHT);
    assert_eq!(start.elapsed(), ms(152));
}

#[tokio::test(start_paused = true)]
async fn while_the_set_is_empty_the_loop_waits() {
    // The first sale comes after a minute, and the set is empty until then.
    let (mut town, mut web) = (closing([(60_000, "tea")]), ended([]));
    let mut printed = 0;
    let future = with_tasks(&mut town, &mut web, |_| async {}, |_| printed += 1);
    let ((), polls) = ends(polls(future)).await;
    assert!(polls <= 4, "{polls}");
    assert_eq!(printed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_told_and_the_others_go_on() {
    let mut results = Vec::new();
    let print = |sale| async move {
        assert_ne!(sale, "web 2", "the printer is jammed");
        sale
    };
    ends(with_tasks(&mut town(), &mut web(), print, |result| {
        results.push(result.map_err(|error| error.is_panic()));
    }))
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 7);
    assert_eq!(results[3], Err(true));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_loop_aborts_its_tasks() {
    let alive = Alive::default();
    let mut town = ended(["tea"]);
    let (_sender, mut web) = mpsc::channel(1);
    let print = |_: &str| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            sleep(ms(1000)).await;
        }
    };
    let future = with_tasks(&mut town, &mut web, print, |_| ());
    assert!(timeout(ms(10), future).await.is_err());
    tokio::task::yield_now().await;
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_set_of_futures_is_at_its_end_at_once() {
    let mut futures = FuturesUnordered::<std::future::Ready<()>>::new();
    assert_eq!(futures.next().await, None);
    futures.push(std::future::ready(()));
    assert_eq!(futures.next().await, Some(()));
    assert_eq!(futures.next().await, None);
    // With `Some`, its branch is disabled, so a timer can win.
    select! {
        Some(()) = futures.next() => unreachable!("it is empty"),
        () = sleep(ms(1)) => {}
    }
}

// Errors.

type Payment = Result<&'static str, &'static str>;

fn payments() -> mpsc::Receiver<Payment> {
    closing([(10, Ok("town 1")), (20, Err("town 2 refused")), (30, Ok("town 3"))])
}

#[tokio::test(start_paused = true)]
async fn a_refusal_comes_through_and_holds_up_nobody() {
    let start = Instant::now();
    let mut written = Vec::new();
    let mut web: mpsc::Receiver<Payment> = closing([(1000, Ok("web 1"))]);
    ends(with_refusals(&mut payments(), &mut web, |payment| {
        written.push((start.elapsed().as_millis(), payment));
    }))
    .await;
    let expected = [
        (10, Ok("town 1")),
        (20, Err("town 2 refused")),
        (30, Ok("town 3")),
        (1000, Ok("web 1")),
    ];
    assert_eq!(written, expected);
}

#[tokio::test(start_paused = true)]
async fn with_ok_in_the_pattern_a_refusal_vanishes_and_the_next_payment_waits() {
    let start = Instant::now();
    let mut written = Vec::new();
    let mut web: mpsc::Receiver<Payment> = closing([(1000, Ok("web 1"))]);
    ends(naive::without_refusals(&mut payments(), &mut web, |payment| {
        written.push((start.elapsed().as_millis(), payment));
    }))
    .await;
    // "town 3" was there after 30 ms.
    assert_eq!(written, [(10, "town 1"), (1000, "web 1"), (1000, "town 3")]);
}

#[tokio::test(start_paused = true)]
async fn with_ok_in_the_pattern_a_refusal_ends_the_loop_if_the_other_shop_has_closed() {
    let mut town = payments();
    let mut written = Vec::new();
    ends(naive::without_refusals(&mut town, &mut ended([]), |payment| {
        written.push(payment);
    }))
    .await;
    assert_eq!(written, ["town 1"]);
    sleep(ms(100)).await;
    assert_eq!(left(town), [Ok("town 3")]);
}

// A future that has finished.

/// A count that needs 12 ms.
async fn count() -> u32 {
    sleep(ms(12)).await;
    42
}

/// What was counted and written with each of the right forms.
async fn counts(
    form: impl AsyncFn(&mut mpsc::Receiver<&'static str>, &dyn Fn(String)),
    mut sales: mpsc::Receiver<&'static str>,
) -> Vec<String> {
    let news = RefCell::new(Vec::new());
    ends(form(&mut sales, &|item| news.borrow_mut().push(item))).await;
    news.into_inner()
}

#[tokio::test(start_paused = true)]
async fn with_a_guard_a_count_that_has_finished_is_not_polled_again() {
    let form = async |sales: &mut mpsc::Receiver<&'static str>,
                      tell: &dyn Fn(String)| {
        with_a_count(count(), sales, |n| tell(n.to_string()), |sale| tell(sale.into()))
            .await;
    };
    assert_eq!(counts(form, town()).await, ["town 1", "42", "town 2", "town 3"]);
    assert_eq!(counts(form, ended(["tea"])).await, ["tea", "42"]);
}

#[tokio::test(start_paused = true)]
async fn set_to_none_an_option_future_is_not_polled_again() {
    let form = async |sales: &mut mpsc::Receiver<&'static str>,
                      tell: &dyn Fn(String)| {
        let (counted, write) =
            (|n: u32| tell(n.to_string()), |sale: &str| tell(sale.into()));
        with_an_optional_count(count(), sales, counted, write).await;
    };
    assert_eq!(counts(form, town()).await, ["town 1", "42", "town 2", "town 3"]);
    assert_eq!(counts(form, ended(["tea"])).await, ["tea", "42"]);
}

#[tokio::test(start_paused = true)]
async fn a_fused_count_waits_after_its_end_and_the_loop_ends_by_its_flags() {
    let form = async |sales: &mut mpsc::Receiver<&'static str>,
                      tell: &dyn Fn(String)| {
        let (counted, write) =
            (|n: u32| tell(n.to_string()), |sale: &str| tell(sale.into()));
        with_a_fused_count(count(), sales, counted, write).await;
    };
    assert_eq!(counts(form, town()).await, ["town 1", "42", "town 2", "town 3"]);
    assert_eq!(counts(form, ended(["tea"])).await, ["tea", "42"]);
}

#[tokio::test(start_paused = true)]
async fn polled_again_a_future_that_has_finished_panics() {
    let news = RefCell::new(Vec::new());
    let panic = panic_of(naive::with_a_count(
        count(),
        &mut town(),
        |n| news.borrow_mut().push(n.to_string()),
        |sale| news.borrow_mut().push(sale.to_owned()),
    ))
    .await;
    assert_eq!(words(&*panic), "`async fn` resumed after completion");
    assert_eq!(*news.borrow(), ["town 1", "42"]);
}

#[tokio::test(start_paused = true)]
async fn the_panic_of_a_second_poll_has_many_words() {
    let mut block = pin!(async {});
    block.as_mut().await;
    let panic = panic_of(block).await;
    assert_eq!(words(&*panic), "`async fn` resumed after completion");

    let mut task = tokio::spawn(async {});
    (&mut task).await.expect("it ends");
    let panic = panic_of(async { task.await.expect("it ends") }).await;
    assert_eq!(words(&*panic), "JoinHandle polled after completion");

    let (sender, mut receiver) = oneshot::channel();
    sender.send(()).expect("the receiver is there");
    (&mut receiver).await.expect("it was sent");
    let panic = panic_of(async { receiver.await.expect("it was sent") }).await;
    assert_eq!(words(&*panic), "called after complete");

    let mut option = pin!(OptionFuture::from(Some(async {})));
    option.as_mut().await;
    let panic = panic_of(async { option.await.expect("it was some") }).await;
    assert_eq!(words(&*panic), "`async fn` resumed after completion");
}

#[tokio::test(start_paused = true)]
async fn with_a_fused_count_else_never_runs() {
    let mut sales = town();
    let news = RefCell::new(Vec::new());
    let tell = |item: String| news.borrow_mut().push(item);
    let (counted, write) =
        (|n: u32| tell(n.to_string()), |sale: &str| tell(sale.into()));
    let waiting = naive::with_a_fused_count(count(), &mut sales, counted, write);
    assert!(timeout(Duration::from_hours(1), waiting).await.is_err());
    assert_eq!(*news.borrow(), ["town 1", "42", "town 2", "town 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_loop_drops_the_count_and_loses_no_sale() {
    let alive = Alive::default();
    for form in 0..3 {
        let mut sales = town();
        let mut written = Vec::new();
        {
            let guard = alive.guard();
            let count = async {
                let _guard = guard;
                sleep(ms(1000)).await;
            };
            let (counted, write) = (|()| (), |sale| written.push(sale));
            let dropped = match form {
                0 => {
                    timeout(ms(12), with_a_count(count, &mut sales, counted, write))
                        .await
                }
                1 => {
                    timeout(
                        ms(12),
                        with_an_optional_count(count, &mut sales, counted, write),
                    )
                    .await
                }
                _ => {
                    timeout(
                        ms(12),
                        with_a_fused_count(count, &mut sales, counted, write),
                    )
                    .await
                }
            };
            assert!(dropped.is_err());
        }
        assert_eq!(alive.count(), 0);
        sleep(ms(100)).await;
        assert_eq!(
            (written.as_slice(), left(sales)),
            (&["town 1"][..], vec!["town 2", "town 3"])
        );
    }
}

// Other receivers.

/// A broadcast of three news to a receiver that has room for two, with the sender gone or not.
fn news() -> (broadcast::Sender<&'static str>, broadcast::Receiver<&'static str>) {
    let (sender, receiver) = broadcast::channel(2);
    for item in ["news 1", "news 2", "news 3"] {
        sender.send(item).expect("the receiver is there");
    }
    (sender, receiver)
}

#[tokio::test(start_paused = true)]
async fn lost_news_are_told_and_the_next_ones_come_at_once() {
    let start = Instant::now();
    let (sender, mut news) = news();
    drop(sender);
    let (written, lost) = (RefCell::new(Vec::new()), Cell::new(0));
    ends(follow(
        &mut news,
        &mut closing([(1000, "tea")]),
        |item| written.borrow_mut().push((start.elapsed().as_millis(), item)),
        |number| lost.set(lost.get() + number),
    ))
    .await;
    assert_eq!(*written.borrow(), [(0, "news 2"), (0, "news 3"), (1000, "tea")]);
    assert_eq!(lost.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_ok_in_the_pattern_a_lag_is_silent_and_news_wait_for_a_sale() {
    let start = Instant::now();
    let (sender, mut news) = news();
    drop(sender);
    let mut written = Vec::new();
    ends(naive::follow(&mut news, &mut closing([(1000, "tea")]), |item| {
        written.push((start.elapsed().as_millis(), item));
    }))
    .await;
    assert_eq!(written, [(1000, "tea"), (1000, "news 2"), (1000, "news 3")]);
}

#[tokio::test(start_paused = true)]
async fn after_the_end_of_a_broadcast_the_loop_does_not_spin() {
    let (sender, mut news) = news();
    drop(sender);
    let mut sales = closing([(1000, "tea")]);
    let ((), polls) = ends(polls(follow(&mut news, &mut sales, drop, |_| ()))).await;
    assert!(polls <= 3, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn with_ok_changed_a_watch_whose_sender_is_gone_is_disabled() {
    let (sender, mut price) = watch::channel("old");
    sender.send("new").expect("the receiver is there");
    drop(sender);
    let mut written = Vec::new();
    let mut sales = closing([(1000, "tea")]);
    let future = watch_a_price(&mut price, &mut sales, |item| {
        written.push(item);
        assert!(written.len() <= 2, "it spins");
    });
    let ((), polls) = ends(polls(future)).await;
    assert_eq!(written, ["new", "tea"]);
    assert!(polls <= 3, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn with_any_changed_a_watch_whose_sender_is_gone_spins() {
    let (sender, mut price) = watch::channel("old");
    drop(sender);
    let mut round = at_most_1000_times();
    let (_open, mut sales) = mpsc::channel(1);
    let panic =
        panic_of(naive::watch_a_price(&mut price, &mut sales, |_| round())).await;
    assert!(panic.is::<Spins>());
}

#[tokio::test]
async fn each_loop_can_be_spawned() {
    fn spawned<F: Future + Send>(_: F) {}
    let (mut town, mut web) = (ended([""]), ended([""]));
    spawned(until_both_end(&mut town, &mut web, drop));
    spawned(telling_each_end(&mut town, &mut web, drop, |_| ()));
    spawned(with_tasks(&mut town, &mut web, |_| async {}, drop));
    spawned(with_a_count(count(), &mut web, drop, drop));
    spawned(with_an_optional_count(count(), &mut web, drop, drop));
    spawned(with_a_fused_count(count(), &mut web, drop, drop));
    spawned(with_refusals(&mut payments(), &mut payments(), drop));
    let (_sender, mut news) = news();
    spawned(follow(&mut news, &mut web, drop, |_| ()));
    let (_sender, mut price) = watch::channel("");
    spawned(watch_a_price(&mut price, &mut web, drop));
}
