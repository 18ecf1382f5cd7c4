use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as threads;
use std::time::Duration;

use backend::cancel::after_polls;
use backend::panics::{words, words_of};
use backend::{Alive, MINUTE, soon};
use futures::future::{join, join_all};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;
use tokio::{fs, net};

use super::*;

/// One thread, and `threads` of the blocking pool.
fn with_blocking_threads(threads: usize) -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(threads).build().expect("a runtime")
}

/// A call that blocks until it is let go, by a message or by a drop of the sender.
struct Call {
    go: threads::Sender<()>,
    began: oneshot::Receiver<()>,
}

fn call() -> (Call, impl FnOnce() + Send + 'static) {
    let (go, may_go) = threads::channel();
    let (begins, began) = oneshot::channel();
    let blocks = move || {
        let _ = begins.send(());
        let _ = may_go.recv_timeout(MINUTE);
    };
    (Call { go, began }, blocks)
}

/// Keeps so many threads of the pool busy, until what it returns is dropped.
async fn busy(threads: usize) -> Vec<threads::Sender<()>> {
    let mut calls = Vec::new();
    for _ in 0..threads {
        let (call, blocks) = call();
        spawn_blocking(blocks);
        soon(call.began).await.expect("it begins");
        calls.push(call.go);
    }
    calls
}

/// What a free runtime does with the same future, from start to end.
fn elsewhere<F>(make: impl FnOnce() -> F + Send) -> F::Output
where
    F: Future<Output: Send>,
{
    thread::scope(|scope| {
        let other = scope.spawn(|| with_blocking_threads(1).block_on(soon(make())));
        other.join().expect("no panic")
    })
}

#[tokio::test]
async fn beside_a_call_that_blocks_in_a_task_no_other_task_runs() {
    let (says, heard) = threads::channel();
    tokio::spawn(async move { says.send("another task") });
    let blocked = heard.recv_timeout(Duration::from_millis(20));
    assert_eq!(blocked, Err(threads::RecvTimeoutError::Timeout), "it has no turn");
    yield_now().await;
    assert_eq!(heard.try_recv(), Ok("another task"));
}

#[tokio::test]
async fn beside_spawn_blocking_other_tasks_run_on_the_same_thread() {
    let (says, heard) = threads::channel();
    let call = spawn_blocking(move || heard.recv_timeout(MINUTE));
    let other = tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        says.send("three ticks")
    });
    assert_eq!(soon(call).await.expect("no panic"), Ok("three ticks"));
    soon(other).await.expect("no panic").expect("the call waits");
}

#[tokio::test]
async fn a_panic_in_a_blocking_call_is_an_error() {
    let end = soon(spawn_blocking(|| panic!("no paper"))).await;
    let error = end.expect_err("it has panicked");
    assert_eq!(words(&*error.into_panic()), "no paper");
}

#[test]
fn spawn_blocking_never_says_no_and_never_waits() {
    with_blocking_threads(1).block_on(async {
        let busy = busy(1).await;
        let jobs: Vec<_> = (0..10_000).map(|_| spawn_blocking(|| ())).collect();
        assert!(jobs.iter().all(|job| !job.is_finished()), "all are in the queue");
        drop(busy);
        for job in jobs {
            soon(job).await.expect("it has run");
        }
    });
}

#[test]
fn while_the_pool_is_busy_a_write_of_one_byte_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, others) = (folder.path().join("ours"), folder.path().join("others"));
    with_blocking_threads(2).block_on(async {
        let busy = busy(2).await;
        let path = ours.clone();
        let mut write = tokio::spawn(fs::write(path, b"1"));
        yield_now().await;
        elsewhere(|| fs::write(&others, b"1")).expect("it has written");
        assert!(after_polls(1, &mut write).await.is_none(), "another one did it");
        assert!(!ours.exists());
        drop(busy);
        soon(write).await.expect("no panic").expect("it has written");
    });
    assert_eq!(std::fs::read(&ours).expect("a file"), b"1");
}

#[test]
fn with_one_thread_of_the_pool_free_a_write_does_not_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("settings");
    with_blocking_threads(3).block_on(async {
        let busy = busy(2).await;
        soon(fs::write(&path, b"1")).await.expect("it has written");
        drop(busy);
    });
}

#[test]
fn a_write_that_was_given_up_in_the_queue_is_done_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("settings");
    with_blocking_threads(1).block_on(async {
        let busy = busy(1).await;
        let limit = Duration::from_millis(5);
        timeout(limit, fs::write(&path, b"1")).await.expect_err("it waits");
        assert!(!path.exists());
        drop(busy);
        soon(spawn_blocking(|| ())).await.expect("behind the write");
    });
    assert_eq!(std::fs::read(&path).expect("a file"), b"1", "nobody waited for it");
}

#[test]
fn a_lookup_of_a_name_waits_for_the_pool_and_an_address_does_not() {
    with_blocking_threads(1).block_on(async {
        let busy = busy(1).await;
        let mut lookup = tokio::spawn(lookup("localhost:80"));
        yield_now().await;
        elsewhere(|| lookup_of("localhost:80"));
        assert!(after_polls(1, &mut lookup).await.is_none(), "another one did it");
        let address = after_polls(1, lookup_of("127.0.0.1:80")).await;
        assert_eq!(address, Some(vec![SocketAddr::from(([127, 0, 0, 1], 80))]));
        drop(busy);
        soon(lookup).await.expect("no panic");
    });
}

async fn lookup(host: &'static str) -> Vec<SocketAddr> {
    lookup_of(host).await
}

/// What it finds does not matter, nor whether this machine knows the name.
async fn lookup_of(host: &str) -> Vec<SocketAddr> {
    net::lookup_host(host).await.map(Iterator::collect).unwrap_or_default()
}

#[test]
fn a_blocking_job_that_waits_for_another_one_waits_for_a_second_thread() {
    let nested = |threads| {
        with_blocking_threads(threads).block_on(async {
            let runtime = Handle::current();
            let limit = if threads == 1 { Duration::from_millis(50) } else { MINUTE };
            let outer = spawn_blocking(move || {
                runtime.block_on(async {
                    timeout(limit, spawn_blocking(|| "inner")).await
                })
            });
            soon(outer).await.expect("no panic").map(|end| end.expect("no panic"))
        })
    };
    nested(1).expect_err("the only thread waits for itself");
    assert_eq!(nested(2).expect("a second thread runs it"), "inner");
}

#[tokio::test]
async fn a_task_local_is_not_seen_in_spawn_blocking() {
    tokio::task_local! {
        static CUSTOMER: u32;
    }
    let seen = CUSTOMER.scope(7, async {
        let here = CUSTOMER.get();
        (here, soon(spawn_blocking(|| CUSTOMER.try_get().ok())).await)
    });
    let (here, there) = seen.await;
    assert_eq!((here, there.expect("no panic")), (7, None));
}

#[test]
fn a_thread_of_the_pool_keeps_the_thread_local_of_the_job_before() {
    thread_local! {
        static CUSTOMER: Cell<u32> = const { Cell::new(0) };
    }
    with_blocking_threads(1).block_on(async {
        let first = spawn_blocking(|| CUSTOMER.replace(7));
        assert_eq!(soon(first).await.expect("no panic"), 0);
        let second = spawn_blocking(|| CUSTOMER.get());
        assert_eq!(soon(second).await.expect("no panic"), 7);
    });
}

#[tokio::test]
async fn with_three_permits_three_jobs_run_at_a_time_and_a_fourth_one_waits() {
    let permits = Arc::new(Semaphore::new(3));
    let (calls, jobs): (Vec<_>, Vec<_>) = (0..4)
        .map(|_| {
            let (call, blocks) = call();
            (call, limited(&permits, blocks))
        })
        .unzip();
    let others = async {
        let mut all = Vec::new();
        let mut calls = calls.into_iter();
        for Call { go, began } in calls.by_ref().take(3) {
            soon(began).await.expect("it begins");
            all.push(go);
        }
        let mut fourth = calls.next().expect("four calls");
        soon(spawn_blocking(|| ())).await.expect("there are threads");
        assert!(fourth.began.try_recv().is_err(), "there is no permit");
        drop(all);
        soon(fourth.began).await.expect("now there is one");
        drop(fourth.go);
    };
    let (ends, ()) = soon(join(join_all(jobs), others)).await;
    assert!(ends.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_limited_job_gives_its_result() {
    let permits = Arc::new(Semaphore::new(1));
    assert_eq!(soon(limited(&permits, || 7)).await.expect("a result"), 7);
    assert_eq!(soon(naive::permit_outside(&permits, || 7)).await.expect("a result"), 7);
}

/// A caller that is dropped while its job runs. Whether a second job begins before the first has ended.
async fn second_begins<F>(
    permits: &Arc<Semaphore>,
    caller: impl FnOnce(Box<dyn FnOnce() + Send>) -> F,
) -> bool
where
    F: Future<Output = Result<(), NoResult>>,
{
    let (first, blocks) = call();
    let caller = Box::pin(caller(Box::new(blocks)));
    tokio::select! {
        end = caller => panic!("it has ended: {end:?}"),
        began = soon(first.began) => began.expect("it begins"), // and here it is dropped
    }
    let begins = permits.available_permits() == 1;
    let mut second = Box::pin(limited(permits, || ()));
    if begins {
        soon(&mut second).await.expect("a result");
    } else {
        assert!(after_polls(1, &mut second).await.is_none(), "no permit");
        first.go.send(()).expect("it waits");
        soon(&mut second).await.expect("a result");
    }
    begins
}

#[tokio::test]
async fn a_permit_is_held_until_the_job_has_ended_though_its_caller_is_gone() {
    let permits = Arc::new(Semaphore::new(1));
    let begins = second_begins(&permits, |job| limited(&permits, job)).await;
    assert!(!begins, "the first still runs");
}

#[tokio::test]
async fn with_the_permit_outside_a_caller_that_is_gone_lets_one_more_job_run() {
    let permits = Arc::new(Semaphore::new(1));
    let begins =
        second_begins(&permits, |job| naive::permit_outside(&permits, job)).await;
    assert!(begins, "two jobs run, and there is one permit");
}

#[tokio::test]
async fn dropped_while_it_waits_for_a_permit_it_begins_no_job() {
    let permits = Arc::new(Semaphore::new(1));
    let taken = Arc::clone(&permits).acquire_owned().await.expect("a permit");
    let alive = Alive::default();
    let (ran, guard) = (Arc::new(AtomicUsize::new(0)), alive.guard());
    let count = Arc::clone(&ran);
    let job = limited(&permits, move || {
        let _guard = guard;
        count.fetch_add(1, Ordering::SeqCst)
    });
    assert!(after_polls(1, job).await.is_none(), "it waits");
    assert_eq!(alive.count(), 0, "the job is gone");
    drop(taken);
    soon(limited(&permits, || ())).await.expect("a result");
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_job_that_panics_gives_its_permit_back_and_is_an_error() {
    let permits = Arc::new(Semaphore::new(1));
    let end = soon(limited(&permits, || panic!("no paper"))).await;
    let Err(NoResult::Failed(error)) = end else { panic!("{:?}", end.err()) };
    assert_eq!(words(&*error.into_panic()), "no paper");
    assert_eq!(permits.available_permits(), 1);
    let naive = naive::permit_outside::<(), _>(&permits, || panic!("no paper"));
    soon(naive).await.expect_err("as above");
}

#[tokio::test]
async fn behind_a_closed_semaphore_no_job_begins() {
    let permits = Arc::new(Semaphore::new(1));
    permits.close();
    let end = soon(limited::<(), _>(&permits, || panic!("it has begun"))).await;
    assert!(matches!(end, Err(NoResult::Closed(_))), "{end:?}");
}

#[test]
fn an_aborted_job_in_the_queue_keeps_what_it_holds_until_its_turn() {
    with_blocking_threads(1).block_on(async {
        let busy = busy(1).await;
        let alive = Alive::default();
        let guard = alive.guard();
        let job = spawn_blocking(move || drop(guard));
        job.abort();
        yield_now().await;
        assert!(!job.is_finished());
        assert_eq!(alive.count(), 1, "a permit would be held too");
        drop(busy);
        assert!(soon(job).await.expect_err("aborted").is_cancelled());
        assert_eq!(alive.count(), 0);
    });
}

#[tokio::test]
async fn a_thread_of_its_own_gives_its_result_and_has_its_name() {
    let end = on_own_thread("scanner", || thread::current().name().map(str::to_owned));
    let name = soon(end.expect("a thread")).await.expect("a result");
    assert_eq!(name.as_deref(), Some("scanner"));
}

#[tokio::test]
async fn a_panic_on_a_thread_of_its_own_is_an_error() {
    let end = on_own_thread::<(), _>("scanner", || panic!("the cable is out"));
    soon(end.expect("a thread")).await.expect_err("no result");
}

#[test]
fn a_thread_of_its_own_takes_none_of_the_pool() {
    let (call_1, blocks_1) = call();
    let (call_2, blocks_2) = call();
    let runtime = with_blocking_threads(1);
    runtime.block_on(async {
        let end = on_own_thread("scanner", blocks_1).expect("a thread");
        soon(spawn_blocking(|| ())).await.expect("the pool is free");
        call_1.go.send(()).expect("it waits");
        soon(end).await.expect("a result");
        let end = naive::in_the_pool(blocks_2);
        soon(call_2.began).await.expect("it begins");
        let mut other = spawn_blocking(|| ());
        elsewhere(|| async { spawn_blocking(|| ()).await }).expect("no panic");
        assert!(after_polls(1, &mut other).await.is_none(), "the pool is full");
        call_2.go.send(()).expect("it waits");
        soon(end).await.expect("a result");
        soon(other).await.expect("no panic");
    });
}

#[test]
fn the_end_of_a_runtime_does_not_wait_for_a_thread_of_its_own() {
    let (call, blocks) = call();
    let runtime = with_blocking_threads(1);
    let end = runtime.block_on(async { on_own_thread("scanner", blocks) });
    let mut end = end.expect("a thread");
    drop(runtime);
    assert!(end.try_recv().is_err(), "it still runs");
    call.go.send(()).expect("it waits");
    end.blocking_recv().expect("a result");
}

#[tokio::test]
async fn a_blocking_thread_knows_its_runtime_and_a_thread_of_its_own_does_not() {
    let knows = || Handle::try_current().is_ok();
    assert!(soon(spawn_blocking(knows)).await.expect("no panic"));
    let end = on_own_thread("scanner", knows).expect("a thread");
    assert!(!soon(end).await.expect("a result"));
    let runtime = Handle::current();
    let end = on_own_thread("scanner", move || runtime.spawn(async { 7 }));
    let task: JoinHandle<i32> = soon(end.expect("a thread")).await.expect("a task");
    assert_eq!(soon(task).await.expect("no panic"), 7, "if you give it a handle");
}

#[tokio::test]
async fn a_thread_of_its_own_can_send_to_tasks() {
    let (events, mut received) = mpsc::channel(1);
    let end = on_own_thread("scanner", move || {
        (1..=3).all(|number| events.blocking_send(number).is_ok())
    });
    for number in 1..=3 {
        assert_eq!(soon(received.recv()).await, Some(number));
    }
    assert!(soon(end.expect("a thread")).await.expect("a result"));
}

#[tokio::test]
async fn if_the_receiver_is_dropped_the_next_send_of_the_thread_is_an_error() {
    let (events, mut received) = mpsc::channel(8);
    let (scan, scanned) = threads::channel();
    let end = on_own_thread("scanner", move || {
        let mut sent = 0;
        while let Ok(number) = scanned.recv_timeout(MINUTE) {
            if events.blocking_send(number).is_err() {
                break;
            }
            sent += 1;
        }
        sent
    });
    scan.send(1).expect("it waits");
    assert_eq!(soon(received.recv()).await, Some(1));
    drop(received);
    scan.send(2).expect("it waits for a scan, and knows nothing");
    assert_eq!(soon(end.expect("a thread")).await.expect("a result"), 1);
}

#[test]
fn a_pool_without_threads_is_a_panic() {
    let panic = words_of(|| {
        Builder::new_current_thread().max_blocking_threads(0);
    });
    assert_eq!(panic, "Max blocking threads cannot be set to 0");
}

#[test]
fn a_limited_job_can_be_spawned() {
    fn spawned<F: Future + Send + 'static>(_: F) {}
    spawned(async {
        let permits = Arc::new(Semaphore::new(1));
        let _ = limited(&permits, || Path::new("/").exists()).await;
        naive::permit_outside(&permits, || ()).await
    });
}
