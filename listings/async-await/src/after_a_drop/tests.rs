use super::*;
use backend::cancel;
use futures::FutureExt as _;
use std::cell::RefCell;
use std::convert::Infallible;
use std::future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// How many leases were given back. That needs 20 ms each time.
#[derive(Clone, Debug, Default)]
struct Server {
    back: Arc<AtomicUsize>,
}

impl Server {
    async fn release(self) -> Result<(), Infallible> {
        sleep(ms(20)).await;
        self.back.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn give_back(self) {
        self.release().await.unwrap();
    }

    fn back(&self) -> usize {
        self.back.load(Ordering::SeqCst)
    }
}

// Guards.

#[tokio::test(start_paused = true)]
async fn a_guard_cleans_up_however_its_task_ends_and_finish_waits_for_it() {
    let (server, clean_ups) = (Server::default(), CleanUps::on(Handle::current()));
    let guard = || clean_ups.on_drop(server.clone().give_back());
    let start = Instant::now();

    let (aborted, panics, ends) = (guard(), guard(), guard());
    let aborted = tokio::spawn(async {
        let _guard = aborted;
        future::pending::<()>().await;
    });
    let panics = tokio::spawn(async {
        let _guard = panics;
        panic!("in the task");
    });
    let ends = tokio::spawn(async { drop(ends) });
    sleep(ms(100)).await;
    assert_eq!(server.back(), 2, "of the panic, and of the end");
    aborted.abort();
    assert!(aborted.await.is_err() && panics.await.is_err() && ends.await.is_ok());

    assert_eq!(clean_ups.finish(SECOND).await, Ok(()));
    assert_eq!((server.back(), start.elapsed()), (3, ms(120)));
}

#[tokio::test(start_paused = true)]
async fn several_clean_ups_run_at_the_same_time_and_a_panic_stops_no_other() {
    let (server, clean_ups) = (Server::default(), CleanUps::on(Handle::current()));
    let start = Instant::now();
    drop(clean_ups.on_drop(async { panic!("in the clean-up") }));
    for _ in 0..100 {
        drop(clean_ups.on_drop(server.clone().give_back()));
    }
    assert_eq!(clean_ups.finish(SECOND).await, Ok(()));
    assert_eq!((server.back(), start.elapsed()), (100, ms(20)));
}

#[tokio::test(start_paused = true)]
async fn finish_waits_for_guards_that_are_alive_and_tells_how_many_are_left() {
    let (server, clean_ups) = (Server::default(), CleanUps::on(Handle::current()));
    let held = clean_ups.on_drop(server.clone().give_back());
    let start = Instant::now();
    assert_eq!(clean_ups.finish(ms(300)).await, Err(Unfinished { left: 1 }));
    assert_eq!(start.elapsed(), ms(300));
    drop(clean_ups.on_drop(future::pending()));
    assert_eq!(clean_ups.clone().finish(ms(300)).await, Err(Unfinished { left: 2 }));
    drop(held);
    assert_eq!(clean_ups.finish(ms(300)).await, Err(Unfinished { left: 1 }));
    assert_eq!(server.back(), 1, "what was left has gone on");
}

#[tokio::test(start_paused = true)]
async fn a_finish_that_is_dropped_stops_no_clean_up() {
    let (server, clean_ups) = (Server::default(), CleanUps::on(Handle::current()));
    drop(clean_ups.on_drop(server.clone().give_back()));
    assert!(cancel::after_polls(1, clean_ups.finish(SECOND)).await.is_none());
    assert_eq!(clean_ups.finish(SECOND).await, Ok(()));
    assert_eq!(server.back(), 1);
}

#[test]
fn a_guard_may_be_dropped_on_another_thread() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (sender, receiver) = std_mpsc::channel();
    runtime.block_on(async {
        let clean_ups = CleanUps::on(Handle::current());
        let guard = clean_ups.on_drop(async move { sender.send(()).unwrap() });
        thread::spawn(|| drop(guard)).join().unwrap();
        clean_ups.finish(HOUR).await.unwrap();
    });
    assert_eq!(receiver.try_recv(), Ok(()));
}

#[test]
fn what_nobody_waits_for_is_lost_with_the_runtime() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::default();
    let late = runtime.block_on(async {
        let clean_ups = CleanUps::on(Handle::current());
        drop(clean_ups.on_drop(server.clone().give_back()));
        clean_ups.on_drop(server.clone().give_back())
    });
    drop(runtime);
    drop(late); // no panic, and nobody who could run it
    assert_eq!(server.back(), 0);
}

#[test]
fn a_task_that_nobody_counts_is_dropped_at_the_end() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::default();
    runtime.block_on(async { drop(naive::OnDrop::new(server.clone().give_back())) });
    drop(runtime);
    assert_eq!(server.back(), 0);
}

#[test]
fn a_task_that_is_counted_is_done_at_the_end() {
    let runtime =
        Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let server = Server::default();
    let finished = runtime.block_on(async {
        let clean_ups = CleanUps::on(Handle::current());
        drop(clean_ups.on_drop(server.clone().give_back()));
        clean_ups.finish(SECOND).await
    });
    drop(runtime);
    assert_eq!((finished, server.back()), (Ok(()), 1));
}

// Who forgot it?

/// The lines that were reported.
#[derive(Default)]
struct Reports(RefCell<Vec<(&'static str, u32)>>);

impl Reports {
    fn add(&self, made_at: &Location<'static>) {
        self.0.borrow_mut().push((made_at.file(), made_at.line()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_closed_reports_nothing_and_gives_what_closing_gave() {
    let (server, reports) = (Server::default(), Reports::default());
    let lease = MustClose::new(|at| reports.add(at));
    assert_eq!(lease.close(server.clone().release()).await, Ok(()));
    let lease = MustClose::new(|at| reports.add(at));
    assert_eq!(lease.close(async { Err::<(), _>("refused") }).await, Err("refused"));
    assert!(reports.0.borrow().is_empty());
    assert_eq!(server.back(), 1);
}

#[test]
fn what_nobody_closed_reports_the_line_that_made_it() {
    let reports = Reports::default();
    let line = line!() + 1;
    drop(MustClose::new(|at| reports.add(at)));
    assert_eq!(*reports.0.borrow(), [(file!(), line)]);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_dropped_at_its_await_is_reported() {
    let (server, reports) = (Server::default(), Reports::default());
    let dropped = cancel::at_every_await(
        || MustClose::new(|at| reports.add(at)).close(server.clone().release()),
        |polls, closed| {
            let told = reports.0.borrow_mut().drain(..).count();
            assert_eq!(told, usize::from(closed.is_none()), "after {polls} polls");
        },
    );
    assert_eq!((dropped.await, server.back()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_what_was_not_closed_is_reported() {
    let reports = Reports::default();
    let work = async {
        let _lease = MustClose::new(|at| reports.add(at));
        panic!("in the work");
    };
    assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
    assert_eq!(reports.0.borrow().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn defused_before_the_await_a_close_that_is_dropped_is_not_reported() {
    let (server, reports) = (Server::default(), Reports::default());
    let lease = MustClose::new(|at| reports.add(at));
    let closing = naive::close(lease, server.clone().release());
    assert!(cancel::after_polls(1, closing).await.is_none());
    assert!(reports.0.borrow().is_empty());
    assert_eq!(server.back(), 0);
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let (server, clean_ups) = (Server::default(), CleanUps::on(Handle::current()));
    let closing = MustClose::new(|_| ()).close(server.clone().release());
    assert_eq!(tokio::spawn(closing).await.unwrap(), Ok(()));
    let finish = tokio::spawn(async move { clean_ups.finish(SECOND).await });
    assert_eq!(finish.await.unwrap(), Ok(()));
}
