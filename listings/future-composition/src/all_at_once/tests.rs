use super::*;
use backend::cancel::{after_polls, at_every_await};
use backend::{Alive, Page, Reply, Site, SiteError};
use futures::executor::block_on;
use futures::future::{join_all, pending};
use futures::{FutureExt, StreamExt};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::{mpsc as queue, oneshot};
use tokio::time::{Instant, sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Long enough for any machine; only a broken listing waits that long.
const AGES: Duration = Duration::from_mins(1);

/// Lookups of 40, 100 and 60 ms.
fn lookups(site: Site) -> Site {
    site.with_page("name", ms(40))
        .with_page("orders", ms(100))
        .with_page("balance", ms(60))
}

type Answer = Result<Page, SiteError>;

fn look_up(
    site: &Site,
) -> impl Future<Output = (Answer, Answer, Answer)> + Send + use<> {
    all_three(site.fetch("name"), site.fetch("orders"), site.fetch("balance"))
}

fn look_up_one_by_one(site: &Site) -> impl Future<Output = (Answer, Answer, Answer)> {
    naive::one_by_one(site.fetch("name"), site.fetch("orders"), site.fetch("balance"))
}

async fn time(lookups: impl Future) -> Duration {
    let start = Instant::now();
    lookups.await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn all_take_as_long_as_the_slowest() {
    let start = Instant::now();
    let (name, orders, balance) = look_up(&lookups(Site::default())).await;
    assert_eq!(start.elapsed(), ms(100));
    let bodies = [name, orders, balance].map(|answer| answer.unwrap().body);
    assert_eq!(bodies, ["name", "orders", "balance"]);
}

#[tokio::test(start_paused = true)]
async fn three_times_100_ms_are_100_at_once_and_300_one_by_one() {
    let pages = ["name", "orders", "balance"];
    let site =
        pages.iter().fold(Site::default(), |site, page| site.with_page(page, ms(100)));
    assert_eq!(time(look_up(&site)).await, ms(100));
    assert_eq!(time(look_up_one_by_one(&site)).await, ms(300));
}

#[tokio::test(start_paused = true)]
async fn a_failing_branch_stops_no_other() {
    let site = lookups(Site::default()).with_reply("name", Reply::status(ms(10), 500));
    let start = Instant::now();
    let (name, orders, balance) = look_up(&site).await;
    assert_eq!(start.elapsed(), ms(100));
    assert!(matches!(name, Err(SiteError::Status { code: 500, .. })));
    assert_eq!(
        (orders.unwrap().body, balance.unwrap().body),
        ("orders".into(), "balance".into())
    );
    assert_eq!((site.load().answered, site.load().dropped), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_drops_every_branch_there() {
    let sites = RefCell::new(Vec::new());
    let run = || {
        let site = lookups(Site::default());
        sites.borrow_mut().push(site.clone());
        look_up(&site)
    };
    let mut dropped = Vec::new();
    let points = at_every_await(run, |_, _| {
        let load = sites.borrow()[sites.borrow().len() - 1].load();
        assert_eq!(load.in_flight, 0);
        dropped.push((load.calls, load.dropped));
    })
    .await;
    assert_eq!(points, 4, "before the first poll, at 0, at 40 and at 60 ms");
    assert_eq!(dropped, [(0, 0), (3, 3), (3, 2), (3, 1), (3, 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_joining_future_can_be_spawned() {
    let (name, ..) = tokio::spawn(look_up(&lookups(Site::default()))).await.unwrap();
    assert_eq!(name.unwrap().body, "name");
}

#[tokio::test(start_paused = true)]
async fn branches_share_what_the_caller_owns_without_a_lock() {
    let (word, calls) = (String::from("borrowed"), Cell::new(0));
    let branch = || async {
        sleep(ms(10)).await;
        calls.set(calls.get() + 1);
        word.as_str()
    };
    assert_eq!(
        all_three(branch(), branch(), branch()).await,
        ("borrowed", "borrowed", "borrowed")
    );
    assert_eq!(calls.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn spawned_branches_share_an_atomic_or_a_lock() {
    let task = tokio::spawn(async {
        let (calls, names) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let branch = |name| {
            let (calls, names) = (&calls, &names);
            async move {
                sleep(ms(10)).await;
                calls.fetch_add(1, Ordering::SeqCst);
                names.lock().unwrap().push(name);
                sleep(ms(10)).await;
            }
        };
        all_three(branch("name"), branch("orders"), branch("balance")).await;
        (calls.into_inner(), names.into_inner().unwrap())
    });
    let (calls, mut names) = task.await.unwrap();
    names.sort_unstable();
    assert_eq!((calls, names), (3, vec!["balance", "name", "orders"]));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_branch_takes_the_others_along() {
    let site = lookups(Site::default());
    let panics = async {
        sleep(ms(10)).await;
        panic!("on purpose");
    };
    let all = all_three(panics, site.fetch("orders"), site.fetch("balance"));
    assert!(tokio::spawn(all).await.unwrap_err().is_panic());
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 2));
}

#[test]
fn joining_needs_no_runtime() {
    let answers = block_on(all_three(async { 1 }, async { 2 }, async { 3 }));
    assert_eq!(answers, (1, 2, 3));
}

/// A future of a bit more than 1000 bytes.
fn large() -> impl Future<Output = usize> {
    let ballast = [0_u8; 1000];
    async move {
        tokio::task::yield_now().await;
        ballast.len()
    }
}

#[test]
fn the_branches_lie_inside_the_joining_future() {
    let joining = async { tokio::join!(large(), large(), large()) };
    assert!((3000..4000).contains(&size_of_val(&joining)));
}

#[test]
fn branches_that_are_parameters_are_stored_twice() {
    assert!((6000..7000).contains(&size_of_val(&all_three(large(), large(), large()))));
}

/// Counts the polls of `branch`.
fn counted<'a, F: Future + 'a>(
    polls: &'a Cell<usize>,
    branch: F,
) -> impl Future<Output = F::Output> + 'a {
    let mut branch = Box::pin(branch);
    poll_fn(move |cx| {
        polls.set(polls.get() + 1);
        branch.as_mut().poll(cx)
    })
}

#[tokio::test(start_paused = true)]
async fn a_wake_polls_every_branch_that_has_not_ended() {
    let polls = [const { Cell::new(0) }; 3];
    let branch = |n: usize, delay| counted(&polls[n], sleep(ms(delay)));
    all_three(branch(0, 40), branch(1, 100), branch(2, 60)).await;
    assert_eq!(polls.map(Cell::into_inner), [2, 4, 3]);
}

/// Writes its name at each of its four polls.
fn writes(name: char, log: &RefCell<String>) -> impl Future<Output = ()> + '_ {
    let mut polls = 0;
    poll_fn(move |cx| {
        log.borrow_mut().push(name);
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 4 { Poll::Ready(()) } else { Poll::Pending }
    })
}

#[tokio::test]
async fn each_poll_begins_with_another_branch() {
    let log = RefCell::default();
    all_three(writes('a', &log), writes('b', &log), writes('c', &log)).await;
    assert_eq!(log.take(), "abc bca cab abc".replace(' ', ""));
}

#[tokio::test]
async fn biased_and_the_join_of_futures_keep_the_order() {
    let log = RefCell::default();
    tokio::join!(biased; writes('a', &log), writes('b', &log), writes('c', &log));
    assert_eq!(log.take(), "abc".repeat(4));
    futures::join!(writes('a', &log), writes('b', &log), writes('c', &log));
    assert_eq!(log.take(), "abc".repeat(4));
}

/// Takes all of 1000 waiting messages of a channel that spends no budget.
async fn take_all_unspent(taken: &Cell<usize>) {
    let (messages, mut waiting) = futures::channel::mpsc::unbounded();
    (0..1000).for_each(|n| messages.unbounded_send(n).unwrap());
    drop(messages);
    while waiting.next().await.is_some() {
        taken.set(taken.get() + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_branch_that_spends_no_budget_starves_the_others() {
    let [busy, next] = [const { Cell::new(0) }; 2];
    let first = async {
        take_all_unspent(&busy).await;
        next.get()
    };
    let (next_had, (), ()) = all_three(first, take_all(&next), async {}).await;
    assert_eq!((busy.get(), next_had, next.get()), (1000, 0, 1000));
}

/// Takes all of 1000 waiting messages, counting them.
async fn take_all(taken: &Cell<usize>) {
    let (messages, mut waiting) = queue::unbounded_channel();
    (0..1000).for_each(|n| messages.send(n).unwrap());
    drop(messages);
    while waiting.recv().await.is_some() {
        taken.set(taken.get() + 1);
    }
}

#[tokio::test]
async fn biased_lets_a_busy_branch_starve_the_next() {
    let [busy, next] = [const { Cell::new(0) }; 2];
    let first = async {
        take_all(&busy).await;
        next.get()
    };
    let (next_had, ()) = tokio::join!(biased; first, take_all(&next));
    assert_eq!((next_had, next.get()), (0, 1000));
}

#[tokio::test]
async fn a_busy_branch_does_not_starve_the_next() {
    let [busy, next] = [const { Cell::new(0) }; 2];
    let first = async {
        take_all(&busy).await;
        next.get()
    };
    let (next_had, (), ()) = all_three(first, take_all(&next), async {}).await;
    assert!(next_had > 0);
}

/// Very many messages of a Tokio channel, each of which is there already.
async fn busy(ended: &RefCell<Vec<&'static str>>) {
    let (messages, mut waiting) = queue::unbounded_channel();
    for n in 0..300_000 {
        messages.send(n).unwrap();
        waiting.recv().await.unwrap();
    }
    ended.borrow_mut().push("busy");
}

async fn limited(ended: &RefCell<Vec<&'static str>>) {
    timeout(ms(1), pending::<()>()).await.unwrap_err();
    ended.borrow_mut().push("limited");
}

#[tokio::test]
async fn a_limit_beside_a_busy_branch_holds_only_where_the_branches_take_turns() {
    let ended = RefCell::default();
    all_three(busy(&ended), limited(&ended), async {}).await;
    assert_eq!(ended.take(), ["limited", "busy"]);
    tokio::join!(biased; busy(&ended), limited(&ended));
    assert_eq!(ended.take(), ["busy", "limited"]);
    futures::join!(busy(&ended), limited(&ended));
    assert_eq!(ended.take(), ["busy", "limited"]);
    join_all([busy(&ended).boxed_local(), limited(&ended).boxed_local()]).await;
    assert_eq!(ended.take(), ["busy", "limited"]);
}

#[tokio::test(start_paused = true)]
async fn one_connection_makes_it_as_slow_as_one_by_one() {
    let site = lookups(Site::with_connections(1));
    assert_eq!(time(look_up(&site)).await, ms(40 + 100 + 60));
    assert_eq!(site.load().answered, 3);
}

#[tokio::test(start_paused = true)]
async fn join_all_does_the_same_for_a_list() {
    let site = lookups(Site::default());
    let start = Instant::now();
    let answers =
        join_all(["orders", "name", "nowhere"].map(|path| site.fetch(path))).await;
    assert_eq!(start.elapsed(), ms(100));
    let body = |answer: Answer| answer.ok().map(|page| page.body);
    let bodies: Vec<_> = answers.into_iter().map(body).collect();
    assert_eq!(bodies, [Some("orders".into()), Some("name".into()), None]);
}

#[tokio::test(start_paused = true)]
async fn one_by_one_takes_the_sum() {
    let site = lookups(Site::default());
    assert_eq!(time(look_up_one_by_one(&site)).await, ms(40 + 100 + 60));
    assert_eq!((site.load().answered, site.load().peak), (3, 1));
}

/// A place where two threads can meet.
#[derive(Default)]
struct Meeting {
    here: Mutex<usize>,
    came: Condvar,
}

impl Meeting {
    /// Blocks its thread until a second one is here too, at most this long. Whether it came, and on
    /// which thread this one waited.
    fn wait(&self, at_most: Duration) -> (bool, ThreadId) {
        let mut here = self.here.lock().unwrap();
        *here += 1;
        self.came.notify_all();
        let (mut here, _) =
            self.came.wait_timeout_while(here, at_most, |here| *here < 2).unwrap();
        let met = *here == 2;
        if !met {
            *here -= 1;
        }
        (met, thread::current().id())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn branches_that_block_run_one_at_a_time_on_one_thread() {
    let meeting = Arc::new(Meeting::default());
    let branch = || {
        let meeting = Arc::clone(&meeting);
        async move { meeting.wait(ms(20)) }
    };
    let all = all_three(branch(), branch(), branch());
    let ((met_1, thread_1), (met_2, thread_2), (met_3, thread_3)) =
        tokio::spawn(all).await.unwrap();
    assert_eq!([met_1, met_2, met_3], [false; 3]);
    assert_eq!([thread_2, thread_3], [thread_1; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_tasks_the_same_branches_run_at_the_same_time() {
    let meeting = Arc::new(Meeting::default());
    let branch = || {
        let meeting = Arc::clone(&meeting);
        async move { meeting.wait(AGES) }
    };
    let both = in_parallel(branch(), branch());
    let (first, second) = tokio::spawn(both).await.unwrap();
    let ((met_1, thread_1), (met_2, thread_2)) = (first.unwrap(), second.unwrap());
    assert!(met_1 && met_2);
    assert_ne!(thread_1, thread_2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_task_leaves_the_other_alone() {
    let panics = || async { panic!("on purpose") };
    let site = lookups(Site::default());
    let (lost, page) = in_parallel(panics(), site.fetch("name")).await;
    let lost: Result<(), JoinError> = lost;
    assert!(lost.unwrap_err().is_panic());
    assert_eq!(page.unwrap().unwrap().body, "name");
    let (page, lost) = in_parallel(site.fetch("name"), panics()).await;
    assert_eq!(page.unwrap().unwrap().body, "name");
    let lost: Result<(), JoinError> = lost;
    assert!(lost.unwrap_err().is_panic());
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_a_runtime_tasks_cannot_be_made() {
    drop(block_on(in_parallel(async {}, async {})));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_both_tasks_are_aborted() {
    let (alive, finished) = (Alive::default(), Alive::default());
    let task = |delay| {
        let (guard, end) = (alive.guard(), finished.clone());
        async move {
            sleep(ms(delay)).await;
            drop((guard, end.guard()));
        }
    };
    let mut ended = Vec::new();
    for polls in 0..3 {
        drop(after_polls(polls, in_parallel(task(10), task(20))).await);
        sleep(ms(100)).await;
        ended.push(finished.dropped());
        assert_eq!(alive.count(), 0);
    }
    assert_eq!(ended, [0, 0, 1], "never begun; none had ended; the task of 10 ms had");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_work_leaves_the_other_branch_running() {
    let (hello, other_runs) = mpsc::channel();
    let work = move || other_runs.recv_timeout(AGES).is_ok();
    let other = async move { hello.send(()).is_ok() };
    let both = tokio::spawn(beside_blocking(work, other)).await.unwrap();
    assert!(matches!(both, (Ok(true), true)));
}

#[tokio::test]
async fn blocking_work_runs_on_when_its_future_is_dropped() {
    let (hello, begun) = oneshot::channel();
    let (go_on, wait) = mpsc::channel();
    let (end, ended) = oneshot::channel();
    let work = move || {
        hello.send(()).unwrap();
        wait.recv_timeout(AGES).unwrap();
        end.send("ended").unwrap();
    };
    let alive = Alive::default();
    let guard = alive.guard();
    let other = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let mut both = Box::pin(beside_blocking(work, other));
    assert!(futures::poll!(&mut both).is_pending());
    begun.await.unwrap();
    drop(both);
    assert_eq!(alive.count(), 0);
    go_on.send(()).unwrap();
    assert_eq!(ended.await, Ok("ended"));
}

/// Polls what `make` makes of a piece of blocking work once, while the one thread for
/// such work is taken, and drops it; the thread is free after that. Whether the work
/// still ran.
fn runs_after_the_drop<F: Future>(
    make: impl FnOnce(Box<dyn FnOnce() + Send>) -> F,
) -> bool {
    let one_thread =
        Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    one_thread.block_on(async {
        let (go_on, wait) = mpsc::channel();
        let busy = spawn_blocking(move || wait.recv_timeout(AGES).unwrap());
        let (end, ended) = oneshot::channel();
        let both = make(Box::new(move || end.send(()).unwrap()));
        assert!(after_polls(1, both).await.is_none());
        go_on.send(()).unwrap();
        busy.await.unwrap();
        ended.await.is_ok()
    })
}

#[test]
fn blocking_work_that_waits_for_a_thread_never_runs_after_the_drop() {
    assert!(!runs_after_the_drop(|work| beside_blocking(work, pending::<()>())));
}

#[test]
fn behind_a_bare_handle_it_still_runs_after_the_drop() {
    assert!(runs_after_the_drop(|work| {
        naive::beside_bare_handle(work, pending::<()>())
    }));
}

#[test]
fn blocking_work_does_not_begin_before_the_first_poll() {
    let one_thread =
        Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    one_thread.block_on(async {
        let begun = Alive::default();
        let guard = begun.guard();
        let both = beside_blocking(move || drop(guard), async {});
        // This comes after all that is in the queue.
        spawn_blocking(|| ()).await.unwrap();
        assert_eq!(begun.count(), 1);
        both.await.0.unwrap();
        assert_eq!(begun.count(), 0);
    });
}

#[tokio::test]
async fn a_panic_in_blocking_work_leaves_the_other_branch_alone() {
    let work = || panic!("on purpose");
    let (lost, other) = beside_blocking::<(), _>(work, async { "here" }).await;
    assert!(lost.unwrap_err().is_panic());
    assert_eq!(other, "here");
}

#[test]
fn blocking_work_that_comes_after_a_shutdown_is_an_error() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _entered = handle.enter();
    let (never, other) = block_on(beside_blocking(|| "never", async { "here" }));
    assert!(never.unwrap_err().is_cancelled());
    assert_eq!(other, "here");
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_a_runtime_there_are_no_threads_for_blocking_work() {
    drop(block_on(beside_blocking(|| (), async {})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_in_place_stops_the_other_branch() {
    let (hello, other_runs) = mpsc::channel();
    let work = move || other_runs.recv_timeout(ms(20)).is_ok();
    // The receiver is gone when the branch gets its turn.
    let other = async move { hello.send(()).is_ok() };
    let both = tokio::spawn(naive::beside_blocking(work, other)).await.unwrap();
    assert_eq!(both, (false, false));
}
