use super::*;
use backend::cancel::{after_polls, at_every_await};
use backend::{Alive, Page, Reply, Site, SiteError};
use futures::future::{BoxFuture, FutureExt, try_join_all};
use futures::stream::{self, StreamExt};
use std::cell::RefCell;
use std::error::Error;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// User 7 is known to all; the name of user 8 fails after 10 ms.
fn lookups() -> Site {
    ["7", "8"]
        .iter()
        .fold(Site::default(), |site, id| {
            site.with_page(&format!("orders/{id}"), ms(30))
                .with_page(&format!("balance/{id}"), ms(60))
        })
        .with_page("name/7", ms(10))
        .with_reply("name/8", Reply::status(ms(10), 500))
}

type Rows = Result<(Page, Page, Page), SiteError>;

fn look_up(site: &Site, id: u32) -> impl Future<Output = Rows> + Send + use<> {
    let fetch = |table| site.fetch(&format!("{table}/{id}"));
    all_or_error(fetch("name"), fetch("orders"), fetch("balance"))
}

/// What some branches or tasks did.
#[derive(Clone, Default)]
struct Watch {
    /// Those that exist.
    alive: Alive,
    /// As many guards were dropped as ended by themselves.
    finished: Alive,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("refused")]
struct Refused;

impl Watch {
    /// Succeeds with `value` after so many milliseconds.
    fn succeeds<T: Send + 'static>(
        &self,
        after: u64,
        value: T,
    ) -> impl Future<Output = Result<T, Refused>> + Send + use<T> {
        let (guard, finished) = (self.alive.guard(), self.finished.clone());
        async move {
            sleep(ms(after)).await;
            drop((guard, finished.guard()));
            Ok(value)
        }
    }

    /// Alive now, and finished so far.
    fn counts(&self) -> (usize, usize) {
        (self.alive.count(), self.finished.dropped())
    }
}

async fn fails<T>(after: u64) -> Result<T, Refused> {
    sleep(ms(after)).await;
    Err(Refused)
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, TaskError<Refused>>) -> bool {
    matches!(result.unwrap_err(), TaskError::Failed(Refused))
}

#[tokio::test(start_paused = true)]
async fn when_all_succeed_it_takes_as_long_as_the_slowest() {
    let start = Instant::now();
    let (name, orders, balance) = look_up(&lookups(), 7).await.unwrap();
    assert_eq!(start.elapsed(), ms(60));
    assert_eq!(
        [name.body, orders.body, balance.body],
        ["name/7", "orders/7", "balance/7"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_at_10_ms_returns_at_10_ms() {
    let site = lookups();
    let start = Instant::now();
    let error = look_up(&site, 8).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(10));
    assert!(matches!(error, SiteError::Status { code: 500, .. }));
    assert_eq!((site.load().answered, site.load().dropped), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn the_losers_are_gone_before_it_returns() {
    let watch = Watch::default();
    let (a, b) = (watch.succeeds(30, "a"), watch.succeeds(60, "b"));
    assert_eq!(all_or_error(a, b, fails::<()>(10)).await, Err(Refused));
    assert_eq!(watch.counts(), (0, 0));
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_ended_before_the_failure_stays_done() {
    let watch = Watch::default();
    let (a, b) = (watch.succeeds(5, "a"), watch.succeeds(60, "b"));
    assert_eq!(all_or_error(a, b, fails::<()>(10)).await, Err(Refused));
    assert_eq!(watch.counts(), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_polled_yet_never_starts() {
    let site = lookups();
    let [orders, balance] = ["orders/8", "balance/8"].map(|path| site.fetch(path));
    let rows = all_or_error(site.fetch("nowhere"), orders, balance);
    assert_eq!(rows.await.unwrap_err(), SiteError::NotFound { path: "nowhere".into() });
    assert_eq!(
        (site.load().calls, site.calls("orders/8"), site.calls("balance/8")),
        (1, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_drops_every_branch_there() {
    let sites = RefCell::new(Vec::new());
    let run = || {
        let site = lookups();
        sites.borrow_mut().push(site.clone());
        look_up(&site, 7)
    };
    let mut dropped = Vec::new();
    let points = at_every_await(run, |_, _| {
        let load = sites.borrow()[sites.borrow().len() - 1].load();
        assert_eq!(load.in_flight, 0);
        dropped.push((load.calls, load.dropped));
    })
    .await;
    assert_eq!(points, 4, "before the first poll, at 0, at 10 and at 30 ms");
    assert_eq!(dropped, [(0, 0), (3, 3), (3, 2), (3, 1), (3, 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_lookups_can_be_spawned() {
    assert!(tokio::spawn(look_up(&lookups(), 7)).await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_branch_by_reference_outlives_the_failure() {
    let watch = Watch::default();
    let mut lent = Box::pin(watch.succeeds(60, "lent"));
    let failed = tokio::try_join!(&mut lent, fails::<()>(10));
    assert_eq!((failed, watch.counts()), (Err(Refused), (1, 0)));
    assert_eq!(lent.await, Ok("lent"));
}

#[tokio::test(start_paused = true)]
async fn try_join_all_does_the_same_for_a_list() {
    let watch = Watch::default();
    let (slow, quick) = (watch.succeeds(60, "slow"), watch.succeeds(30, "quick"));
    assert_eq!(try_join_all([slow, quick]).await, Ok(vec!["slow", "quick"]));
    let start = Instant::now();
    assert_eq!(try_join_all(beside(&watch, fails(10))).await, Err(Refused));
    assert_eq!((start.elapsed(), watch.counts()), (ms(10), (0, 2)));
}

/// The first ends after 60 ms, the second fails after 10, the others end after 30.
fn second_fails(
    count: usize,
) -> impl Iterator<Item = impl Future<Output = Result<(), Refused>>> {
    (0..count).map(|place| async move {
        match place {
            0 => sleep(ms(60)).await,
            1 => return fails(10).await,
            _ => sleep(ms(30)).await,
        }
        Ok(())
    })
}

#[tokio::test(start_paused = true)]
async fn over_thirty_try_join_all_waits_for_those_before_the_error() {
    for (count, returns) in [(30, ms(10)), (31, ms(60))] {
        let start = Instant::now();
        assert_eq!(naive::all_of_list(second_fails(count)).await, Err(Refused));
        assert_eq!(start.elapsed(), returns, "{count}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_upper_bound_of_the_list_decides_and_not_its_length() {
    let two_of = |most: usize| second_fails(most).filter(take_two());
    for (most, returns) in [(30, ms(10)), (31, ms(60)), (100, ms(60))] {
        assert_eq!(two_of(most).size_hint(), (0, Some(most)));
        let start = Instant::now();
        assert_eq!(try_join_all(two_of(most)).await, Err(Refused));
        assert_eq!(start.elapsed(), returns, "two of {most}");
    }
    let start = Instant::now();
    let two: Vec<_> = two_of(100).collect();
    assert_eq!(two.len(), 2);
    assert_eq!(try_join_all(two).await, Err(Refused));
    assert_eq!(start.elapsed(), ms(10), "a list knows how long it is");
}

#[tokio::test(start_paused = true)]
async fn an_unordered_list_gives_values_as_they_come_and_drops_the_losers() {
    let watch = Watch::default();
    let start = Instant::now();
    let lookups = [60, 10, 30].map(|delay| watch.succeeds(delay, delay));
    assert_eq!(all_of_list(lookups).await, Ok(vec![10, 30, 60]));
    assert_eq!((start.elapsed(), watch.counts()), (ms(60), (0, 3)));
    assert_eq!(all_of_list(beside(&watch, fails(10))).await, Err(Refused));
    assert_eq!((start.elapsed(), watch.counts()), (ms(70), (0, 3)));
    let lookups = [60, 10, 30].map(|delay| watch.succeeds(delay, delay));
    assert_eq!(tokio::spawn(all_of_list(lookups)).await.unwrap(), Ok(vec![10, 30, 60]));
    let dropped = all_of_list([60, 10].map(|delay| watch.succeeds(delay, delay)));
    assert!(timeout(ms(20), dropped).await.is_err());
    assert_eq!(watch.counts(), (0, 7), "one had ended");
}

/// Lets the first two pass.
fn take_two<T>() -> impl FnMut(&T) -> bool {
    let mut passed = 0;
    move |_| {
        passed += 1;
        passed <= 2
    }
}

#[tokio::test(start_paused = true)]
async fn over_thirty_an_unordered_set_returns_at_the_first_error() {
    let start = Instant::now();
    assert_eq!(all_of_list(second_fails(31)).await, Err(Refused));
    assert_eq!(start.elapsed(), ms(10));
    let few = stream::iter(second_fails(31)).buffer_unordered(3);
    assert_eq!(few.try_collect::<Vec<_>>().await, Err(Refused));
    assert_eq!(start.elapsed(), ms(20));
}

#[tokio::test(start_paused = true)]
async fn as_tasks_the_losers_are_aborted_too() {
    let watch = Watch::default();
    let start = Instant::now();
    let both = async {
        tokio::try_join!(in_task(fails::<()>(10)), in_task(watch.succeeds(60, ())))
    };
    assert!(is_refused(both.await));
    assert_eq!(start.elapsed(), ms(10));
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_task_ends_with_the_future_that_waits_for_it() {
    let watch = Watch::default();
    for polls in 0..2 {
        assert!(after_polls(polls, in_task(watch.succeeds(60, ()))).await.is_none());
        sleep(ms(100)).await;
        assert_eq!(watch.counts(), (0, 0));
    }
    assert_eq!(in_task(watch.succeeds(60, "value")).await.unwrap(), "value");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_reported_as_a_lost_task() {
    let panics = async { panic!("on purpose") };
    let error: TaskError<Refused> = in_task::<(), _>(panics).await.unwrap_err();
    assert!(matches!(&error, TaskError::Lost(lost) if lost.is_panic()));
    assert!(error.source().unwrap().to_string().contains("on purpose"));
    let error = in_task(fails::<()>(10)).await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "refused");
}

#[tokio::test(start_paused = true)]
async fn no_message_of_a_task_error_repeats_its_cause() {
    let failed = in_task(fails::<()>(10)).await.unwrap_err();
    let panics = async { panic!("on purpose") };
    let lost: TaskError<Refused> = in_task::<(), _>(panics).await.unwrap_err();
    let messages = [(failed, "the work of a task failed"), (lost, "a task was lost")];
    for (error, message) in messages {
        assert_eq!(error.to_string(), message);
        let cause = error.source().unwrap();
        assert!(!cause.to_string().contains(message), "nor does it the other way");
        assert!(cause.source().is_none());
    }
}

#[test]
fn outside_a_runtime_tasks_panic() {
    let panics = |run: fn()| std::panic::catch_unwind(run).is_err();
    let ready = || std::future::ready(Ok::<_, Refused>(()));
    drop(in_task(ready())); // not when it is called
    assert!(panics(|| drop(in_task(fails::<()>(1)).now_or_never())));
    assert!(panics(|| drop(all_tasks_or_error([fails::<()>(1)]).now_or_never())));
}

#[tokio::test(start_paused = true)]
async fn values_come_in_the_order_of_the_work() {
    let watch = Watch::default();
    let start = Instant::now();
    let work = [60, 10, 30].map(|delay| watch.succeeds(delay, delay));
    assert_eq!(all_tasks_or_error(work).await.unwrap(), [60, 10, 30]);
    assert_eq!(start.elapsed(), ms(60));
    let nothing = std::iter::empty::<std::future::Ready<Result<(), Refused>>>();
    assert_eq!(all_tasks_or_error(nothing).await.unwrap(), []);
}

type Work = BoxFuture<'static, Result<(), Refused>>;

/// Work of 60 and 30 ms beside `other`.
fn beside(
    watch: &Watch,
    other: impl Future<Output = Result<(), Refused>> + Send + 'static,
) -> [Work; 3] {
    [
        Box::pin(watch.succeeds(60, ())),
        Box::pin(other),
        Box::pin(watch.succeeds(30, ())),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_task_is_left_when_the_first_error_returns() {
    let watch = Watch::default();
    let start = Instant::now();
    assert!(is_refused(all_tasks_or_error(beside(&watch, fails(10))).await));
    assert_eq!((start.elapsed(), watch.counts()), (ms(10), (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn no_task_is_left_when_a_panic_returns() {
    let watch = Watch::default();
    let panics = async { panic!("on purpose") };
    let error = all_tasks_or_error(beside(&watch, panics)).await.unwrap_err();
    assert!(matches!(error, TaskError::Lost(lost) if lost.is_panic()));
    assert_eq!(watch.counts(), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn even_a_task_that_blocks_is_waited_for() {
    let watch = Watch::default();
    let (hello, blocking) = oneshot::channel();
    let (never, wait) = mpsc::channel::<()>();
    let guard = watch.alive.guard();
    let blocks = async move {
        let _guard = guard;
        hello.send(()).unwrap();
        wait.recv_timeout(ms(50)).unwrap_err();
        Ok(())
    };
    let fails = async {
        blocking.await.unwrap();
        Err(Refused)
    };
    let work: [Work; 2] = [Box::pin(blocks), Box::pin(fails)];
    assert!(is_refused(all_tasks_or_error(work).await));
    assert_eq!(watch.counts(), (0, 0));
    drop(never);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_no_task_behind() {
    let watch = Watch::default();
    let points = RefCell::new(Vec::new());
    for polls in 0..=4 {
        let work = [10, 30, 60].map(|delay| watch.succeeds(delay, ()));
        let ended = after_polls(polls, all_tasks_or_error(work)).await.is_some();
        sleep(ms(100)).await;
        assert_eq!(watch.alive.count(), 0);
        points.borrow_mut().push((ended, watch.finished.dropped()));
    }
    let ends = [(false, 0), (false, 0), (false, 1), (false, 1 + 2), (true, 1 + 2 + 3)];
    assert_eq!(points.take(), ends);
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_waits_for_the_losers_it_leaves_none() {
    let watch = Watch::default();
    let work = beside(&watch, fails(10));
    // Polled at 0 and at 10 ms: now the losers are aborted, and not gone.
    assert!(after_polls(2, all_tasks_or_error(work)).await.is_none());
    assert_eq!(watch.counts(), (2, 0));
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn all_tasks_can_be_spawned_as_one() {
    let watch = Watch::default();
    let work = [60, 10, 30].map(|delay| watch.succeeds(delay, delay));
    assert_eq!(
        tokio::spawn(all_tasks_or_error(work)).await.unwrap().unwrap(),
        [60, 10, 30]
    );
    assert!(tokio::spawn(in_task(watch.succeeds(10, ()))).await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_abort_only_asks_the_task_to_go() {
    let watch = Watch::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(watch.succeeds(60, ()));
    let task = AbortOnDropHandle::new(tokio::spawn(watch.succeeds(60, ())));
    sleep(ms(10)).await;
    drop(tasks);
    drop(task);
    assert_eq!(watch.counts(), (2, 0), "still there, with all they hold");
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_aborted_and_awaited_is_gone() {
    let watch = Watch::default();
    let task = tokio::spawn(watch.succeeds(60, ()));
    sleep(ms(10)).await;
    task.abort();
    assert_eq!(watch.counts(), (1, 0), "still there");
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(watch.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn handles_wait_for_all_and_hide_the_error_in_an_ok() {
    let watch = Watch::default();
    let start = Instant::now();
    let joined = naive::both_in_tasks(fails::<()>(10), watch.succeeds(60, ())).await;
    assert_eq!(start.elapsed(), ms(60));
    assert!(matches!(joined, Ok((Err(Refused), Ok(())))));
}

#[tokio::test(start_paused = true)]
async fn two_tasks_end_with_both_values_or_with_the_first_error() {
    let watch = Watch::default();
    let start = Instant::now();
    let both = both_in_tasks(watch.succeeds(60, "name"), watch.succeeds(30, "orders"));
    assert_eq!(tokio::spawn(both).await.unwrap().unwrap(), ("name", "orders"));
    assert_eq!(start.elapsed(), ms(60));
    assert!(is_refused(both_in_tasks(fails::<()>(10), watch.succeeds(60, ())).await));
    assert_eq!(start.elapsed(), ms(70));
    assert!(is_refused(both_in_tasks(watch.succeeds(60, ()), fails::<()>(10)).await));
    assert_eq!(start.elapsed(), ms(80));
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn flattened_handles_leave_the_losers_running() {
    let watch = Watch::default();
    let start = Instant::now();
    let all = all_or_error(
        naive::in_task(fails::<()>(10)),
        naive::in_task(watch.succeeds(60, ())),
        naive::in_task(watch.succeeds(30, ())),
    );
    assert!(is_refused(all.await));
    assert_eq!((start.elapsed(), watch.counts()), (ms(10), (2, 0)));
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_guard_made_at_the_first_poll_may_come_too_late() {
    let watch = Watch::default();
    let task = tokio::spawn(watch.succeeds(60, ()));
    let refused = async { Err::<(), _>(TaskError::Failed(Refused)) };
    let both = async { tokio::try_join!(refused, naive::hold(task)) };
    assert!(is_refused(both.await));
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 1), "it ran to its end");
    let task = naive::hold(tokio::spawn(watch.succeeds(60, ())));
    assert!(timeout(ms(10), task).await.is_err());
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 1), "polled once, the guard works");
    assert!(naive::hold(tokio::spawn(watch.succeeds(60, ()))).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_guard_made_at_once_is_never_too_late() {
    let watch = Watch::default();
    let task = tokio::spawn(watch.succeeds(60, ()));
    let refused = async { Err::<(), _>(TaskError::Failed(Refused)) };
    let both = async { tokio::try_join!(refused, hold(task)) };
    assert!(is_refused(both.await));
    sleep(ms(100)).await;
    assert_eq!(watch.counts(), (0, 0), "it was aborted");
    let held = hold(tokio::spawn(watch.succeeds(60, "value")));
    assert_eq!(tokio::spawn(held).await.unwrap().unwrap(), "value");
    assert!(is_refused(hold(tokio::spawn(fails::<()>(10))).await));
}

/// Two accounts and the journal of what was paid.
#[derive(Clone, Default)]
struct Bank(Arc<[AtomicI64; 3]>);

impl Bank {
    fn open() -> Self {
        let bank = Self::default();
        bank.0[0].store(100, SeqCst);
        bank
    }

    /// Books 50 after 5 ms, and writes the journal 20 ms later.
    fn book(
        &self,
        account: usize,
        amount: i64,
    ) -> impl Future<Output = Result<(), Refused>> + Send + use<> {
        let bank = self.clone();
        async move {
            sleep(ms(5)).await;
            bank.0[account].fetch_add(amount, SeqCst);
            sleep(ms(20)).await;
            bank.0[2].fetch_add(1, SeqCst);
            Ok(())
        }
    }

    /// Both accounts, and the lines in the journal.
    fn state(&self) -> [i64; 3] {
        [0, 1, 2].map(|n| self.0[n].load(SeqCst))
    }
}

const FROM: usize = 0;
const TO: usize = 1;

#[tokio::test(start_paused = true)]
async fn a_transfer_of_two_branches_makes_or_loses_money() {
    let bank = Bank::open();
    let refused_debit = fails::<()>(30);
    assert_eq!(naive::settle(refused_debit, bank.book(TO, 50)).await, Err(Refused));
    assert_eq!(bank.state(), [100, 50, 1], "50 from nowhere");

    let bank = Bank::open();
    let refused_credit = fails::<()>(10);
    assert_eq!(naive::settle(bank.book(FROM, -50), refused_credit).await, Err(Refused));
    assert_eq!(bank.state(), [50, 0, 0], "50 gone, and no line in the journal");

    let bank = Bank::open();
    assert_eq!(
        naive::settle(bank.book(FROM, -50), bank.book(TO, 50)).await,
        Ok(((), ()))
    );
    assert_eq!(bank.state(), [50, 50, 2]);
}

#[tokio::test(start_paused = true)]
async fn settled_the_other_side_comes_to_its_end() {
    let bank = Bank::open();
    let start = Instant::now();
    let settled = settle(bank.book(FROM, -50), fails::<()>(10)).await;
    assert_eq!((settled, start.elapsed()), (Err(Refused), ms(25)));
    assert_eq!(bank.state(), [50, 0, 1], "what was done stands in the journal");
    let ready = |value| async move { Ok::<_, Refused>(value) };
    assert_eq!(settle(ready("a"), ready("b")).await, Ok(("a", "b")));
}

#[tokio::test(start_paused = true)]
async fn settled_the_first_side_s_error_is_reported() {
    let after = |delay, error| async move {
        sleep(ms(delay)).await;
        Err::<(), _>(error)
    };
    assert_eq!(settle(after(20, "first"), after(10, "second")).await, Err("first"));
}

#[tokio::test(start_paused = true)]
async fn dropped_a_settlement_is_cut_unless_it_is_a_task() {
    let bank = Bank::open();
    let settlement = settle(bank.book(FROM, -50), bank.book(TO, 50));
    assert!(timeout(ms(10), settlement).await.is_err());
    sleep(ms(100)).await;
    assert_eq!(bank.state(), [50, 50, 0]);

    let bank = Bank::open();
    let task = tokio::spawn(settle(bank.book(FROM, -50), bank.book(TO, 50)));
    assert!(timeout(ms(10), task).await.is_err());
    sleep(ms(100)).await;
    assert_eq!(bank.state(), [50, 50, 2]);
}
