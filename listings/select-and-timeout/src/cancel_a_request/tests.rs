use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::routing::get;
use backend::alive::left_at_drops;
use backend::{Alive, ends, soon};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What a request did.
#[derive(Clone, Default)]
struct Seen {
    alive: Alive,
    begun: Arc<AtomicU32>,
    booked: Arc<AtomicU32>,
}

impl Seen {
    /// A request that books something after 5 s.
    fn request(&self) -> impl Future<Output = &'static str> + Send + use<> {
        let (guard, seen) = (self.alive.guard(), self.clone());
        async move {
            let _guard = guard;
            seen.begun.fetch_add(1, Ordering::SeqCst);
            sleep(ms(5_000)).await;
            seen.booked.fetch_add(1, Ordering::SeqCst);
            "booked"
        }
    }

    fn task(&self) -> AbortOnDropHandle<&'static str> {
        AbortOnDropHandle::new(tokio::spawn(self.request()))
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }

    fn booked(&self) -> u32 {
        self.booked.load(Ordering::SeqCst)
    }
}

/// A token that is cancelled after this time.
fn cancelled_after(delay: Duration) -> CancellationToken {
    let cancel = CancellationToken::new();
    let button = cancel.clone();
    tokio::spawn(async move {
        sleep(delay).await;
        button.cancel();
    });
    cancel
}

// What goes wrong.

#[tokio::test(start_paused = true)]
async fn after_a_cancel_a_spawned_request_runs_on_and_books() {
    let seen = Seen::default();
    let (button, cancel) = oneshot::channel();
    let click = async {
        sleep(ms(500)).await;
        naive::click(button);
    };
    let start = Instant::now();
    let request = naive::request_with_cancel(seen.request(), cancel);
    let (answer, ()) = tokio::join!(request, click);
    assert_eq!((answer, start.elapsed()), (None, ms(500)));
    sleep(ms(2_000)).await;
    assert_eq!((seen.alive.count(), seen.booked()), (1, 0), "it is still there");
    sleep(ms(2_400)).await;
    assert_eq!((seen.alive.count(), seen.booked()), (1, 0), "at 4.9 s too");
    sleep(ms(200)).await;
    assert_eq!((seen.alive.count(), seen.booked()), (0, 1), "it has booked at 5 s");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "called `Result::unwrap()` on an `Err` value: ()")]
async fn if_the_request_has_ended_an_unwrap_panics_at_the_click() {
    let (button, cancel) = oneshot::channel();
    let answer = naive::request_with_cancel(Seen::default().request(), cancel).await;
    assert_eq!(answer, Some("booked"));
    naive::click(button);
}

#[tokio::test(start_paused = true)]
async fn with_an_underscore_a_sender_that_is_dropped_cancels() {
    let (button, cancel) = oneshot::channel();
    drop(button);
    // `select!` begins with a branch of its choice; the request needs time.
    let seen = Seen::default();
    let answer = naive::or_cancelled_by(seen.request(), cancel).await;
    assert_eq!(answer, Err(Cancelled::Dropped));
    let (button, cancel) = oneshot::channel::<()>();
    drop(button);
    assert_eq!(naive::request_with_cancel(seen.request(), cancel).await, None);
}

// The future itself.

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_is_gone_at_once_and_books_nothing() {
    let seen = Seen::default();
    let cancel = cancelled_after(ms(500));
    let start = Instant::now();
    let answer = ends(or_cancelled(seen.request(), &cancel)).await;
    assert_eq!((answer, start.elapsed()), (Err(Cancelled::Dropped), ms(500)));
    assert_eq!((seen.begun(), seen.alive.count()), (1, 0));
    sleep(ms(10_000)).await;
    assert_eq!(seen.booked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_wins_gives_its_answer_and_a_later_cancel_does_nothing() {
    let (seen, cancel) = (Seen::default(), CancellationToken::new());
    let start = Instant::now();
    assert_eq!(or_cancelled(seen.request(), &cancel).await, Ok("booked"));
    assert_eq!(start.elapsed(), ms(5_000));
    cancel.cancel();
    cancel.cancel();
    yield_now().await;
    assert_eq!((seen.booked(), seen.alive.count()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn with_a_token_that_is_cancelled_before_nothing_begins() {
    let (seen, cancel) = (Seen::default(), CancellationToken::new());
    cancel.cancel();
    let answer = or_cancelled(seen.request(), &cancel).await;
    assert_eq!(answer, Err(Cancelled::Dropped));
    let work = async { Ok(seen.request().await) };
    let answer = with_grace(work, &cancel, ms(1_000)).await;
    assert_eq!(answer, Err(Cancelled::Stopped));
    let answer = task_or_cancelled(seen.task(), &cancel).await;
    assert_eq!(answer, Err(Cancelled::Dropped));
    assert_eq!((seen.begun(), seen.alive.count()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_dropped_cancels_nothing() {
    let (seen, cancel) = (Seen::default(), CancellationToken::new());
    let button = cancel.clone();
    tokio::spawn(async move {
        sleep(ms(500)).await;
        drop(button); // the window was closed, and nobody has clicked
    });
    assert_eq!(or_cancelled(seen.request(), &cancel).await, Ok("booked"));
    let task = task_or_cancelled(seen.task(), &CancellationToken::new()).await;
    assert_eq!(task, Ok("booked"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_here_with_the_cancel_is_not_lost() {
    let cancel = CancellationToken::new();
    let (sender, answer) = oneshot::channel();
    let button = cancel.clone();
    tokio::spawn(async move {
        button.cancel();
        let _ = sender.send("booked");
    });
    assert_eq!(or_cancelled(answer, &cancel).await, Ok(Ok("booked")));
}

// A cancel through a channel.

#[tokio::test(start_paused = true)]
async fn with_ok_a_sender_that_is_dropped_cancels_nothing() {
    let (button, cancel) = oneshot::channel();
    drop(button);
    let answer = or_cancelled_by(Seen::default().request(), cancel).await;
    assert_eq!(answer, Ok("booked"));
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_cancels() {
    let seen = Seen::default();
    let (button, cancel) = oneshot::channel();
    let click = async {
        sleep(ms(500)).await;
        button.send(()).unwrap();
    };
    let start = Instant::now();
    let (answer, ()) = tokio::join!(or_cancelled_by(seen.request(), cancel), click);
    assert_eq!((answer, start.elapsed()), (Err(Cancelled::Dropped), ms(500)));
    assert_eq!(seen.alive.count(), 0);
}

// A task.

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_is_gone_when_the_error_comes() {
    let (seen, other) = (Seen::default(), Seen::default());
    let cancel = cancelled_after(ms(500));
    let beside = other.task();
    let start = Instant::now();
    let answer = ends(task_or_cancelled(seen.task(), &cancel)).await;
    assert_eq!((answer, start.elapsed()), (Err(Cancelled::Dropped), ms(500)));
    assert_eq!((seen.begun(), seen.alive.count()), (1, 0));
    assert_eq!(beside.await.unwrap(), "booked", "the other task goes on");
    sleep(ms(10_000)).await;
    assert_eq!((seen.booked(), other.booked()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_threads_a_cancelled_task_is_gone_too() {
    for _ in 0..20 {
        let (alive, cancel) = (Alive::default(), CancellationToken::new());
        let guard = alive.guard();
        let (begun, has_begun) = oneshot::channel();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let _guard = guard;
            let _ = begun.send(());
            pending::<()>().await;
        }));
        has_begun.await.unwrap();
        cancel.cancel();
        let answer = soon(task_or_cancelled(task, &cancel)).await;
        assert_eq!((answer, alive.count()), (Err(Cancelled::Dropped), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_ended_gives_its_answer_though_it_is_cancelled() {
    let (seen, cancel) = (Seen::default(), CancellationToken::new());
    let task = seen.task();
    sleep(ms(5_001)).await;
    cancel.cancel();
    assert_eq!(task_or_cancelled(task, &cancel).await, Ok("booked"));
    let cancel = CancellationToken::new();
    let start = Instant::now();
    assert_eq!(task_or_cancelled(seen.task(), &cancel).await, Ok("booked"));
    assert_eq!(start.elapsed(), ms(5_000));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "no courier")]
async fn a_panic_in_the_task_is_a_panic_here() {
    let task = AbortOnDropHandle::new(tokio::spawn(async {
        sleep(ms(10)).await;
        panic!("no courier");
    }));
    let _: Result<(), _> = task_or_cancelled(task, &CancellationToken::new()).await;
}

// With a grace time.

/// Reserves at 0 ms. Searches for 5 s. Asked to stop, it gives the reservation back,
/// which needs `give_back`.
async fn order(
    seen: &Seen,
    reserved: &AtomicU32,
    stop: &CancellationToken,
    give_back: Duration,
) -> Result<&'static str, Cancelled> {
    reserved.fetch_add(1, Ordering::SeqCst);
    let search = seen.request();
    let Some(found) = stop.run_until_cancelled(search).await else {
        sleep(give_back).await;
        reserved.fetch_sub(1, Ordering::SeqCst);
        return Err(Cancelled::Stopped);
    };
    Ok(found)
}

#[tokio::test(start_paused = true)]
async fn work_that_is_asked_to_stop_gives_its_reservation_back() {
    let (seen, reserved) = (Seen::default(), AtomicU32::new(0));
    let cancel = cancelled_after(ms(500));
    let work = order(&seen, &reserved, &cancel, ms(20));
    let start = Instant::now();
    let answer = ends(with_grace(work, &cancel, ms(1_000))).await;
    assert_eq!((answer, start.elapsed()), (Err(Cancelled::Stopped), ms(520)));
    assert_eq!((seen.begun(), seen.alive.count(), seen.booked()), (1, 0, 0));
    assert_eq!(reserved.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn work_that_is_dropped_keeps_its_reservation() {
    let (seen, reserved) = (Seen::default(), AtomicU32::new(0));
    let (cancel, never) = (cancelled_after(ms(500)), CancellationToken::new());
    let work = order(&seen, &reserved, &never, ms(20));
    let answer = or_cancelled(work, &cancel).await;
    assert_eq!(answer, Err(Cancelled::Dropped));
    assert_eq!((seen.alive.count(), reserved.load(Ordering::SeqCst)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_stop_is_dropped_after_the_grace_time() {
    let (seen, reserved) = (Seen::default(), AtomicU32::new(0));
    let cancel = cancelled_after(ms(500));
    let work = order(&seen, &reserved, &cancel, ms(60_000));
    let start = Instant::now();
    let answer = ends(with_grace(work, &cancel, ms(1_000))).await;
    assert_eq!((answer, start.elapsed()), (Err(Cancelled::Dropped), ms(1_500)));
    // Nothing looks at the token.
    let cancel = cancelled_after(ms(500));
    let start = Instant::now();
    let work = async { Ok(seen.request().await) };
    let answer = ends(with_grace(work, &cancel, ms(1_000))).await;
    assert_eq!((answer, start.elapsed()), (Err(Cancelled::Dropped), ms(1_500)));
    assert_eq!((seen.alive.count(), seen.booked()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn work_that_ends_in_the_grace_time_gives_its_answer() {
    let (seen, cancel) = (Seen::default(), cancelled_after(ms(4_500)));
    let start = Instant::now();
    let work = async { Ok(seen.request().await) };
    let answer = ends(with_grace(work, &cancel, ms(1_000))).await;
    assert_eq!((answer, start.elapsed()), (Ok("booked"), ms(5_000)));
}

#[tokio::test(start_paused = true)]
async fn work_that_nobody_cancels_gives_its_answer() {
    let (seen, cancel) = (Seen::default(), CancellationToken::new());
    let work = async { Ok(seen.request().await) };
    // The grace time is no limit for the work itself.
    assert_eq!(with_grace(work, &cancel, ms(1)).await, Ok("booked"));
}

// Clean-up by a destructor.

/// Writes a temporary file, and tells where it is.
async fn export(folder: std::path::PathBuf) {
    let file = NamedTempFile::new_in(folder).unwrap();
    pending::<()>().await;
    file.keep().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_export_has_removed_its_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let path = || folder.path().to_owned();

    let cancel = CancellationToken::new();
    let click = async {
        sleep(ms(500)).await;
        assert_eq!(files(), 1, "it is there while the export runs");
        cancel.cancel();
    };
    let (end, ()) =
        ends(async { tokio::join!(or_cancelled(export(path()), &cancel), click) })
            .await;
    assert_eq!((end, files()), (Err(Cancelled::Dropped), 0));

    let cancel = CancellationToken::new();
    let task = AbortOnDropHandle::new(tokio::spawn(export(path())));
    let click = async {
        sleep(ms(500)).await;
        assert_eq!(files(), 1);
        cancel.cancel();
    };
    let task = async {
        let end = task_or_cancelled(task, &cancel).await;
        (end, files())
    };
    let (end, ()) = ends(async { tokio::join!(task, click) }).await;
    assert_eq!(end, (Err(Cancelled::Dropped), 0));

    let cancel = CancellationToken::new();
    let click = async {
        sleep(ms(500)).await;
        assert_eq!(files(), 1);
        cancel.cancel();
    };
    let work = async {
        export(path()).await;
        Ok(())
    };
    let (end, ()) =
        ends(async { tokio::join!(with_grace(work, &cancel, ms(10)), click) }).await;
    assert_eq!((end, files()), (Err(Cancelled::Dropped), 0));
}

// Who may drop these functions.

#[tokio::test(start_paused = true)]
async fn whoever_drops_one_of_the_three_leaves_no_request() {
    /// Waits twice.
    async fn steps<T: Send>(guard: T) {
        sleep(ms(10)).await;
        sleep(ms(10)).await;
        drop(guard);
    }
    let cancel = CancellationToken::new();
    let left = left_at_drops(|alive| or_cancelled(steps(alive.guard()), &cancel)).await;
    assert_eq!(left, 0, "the future is gone with its owner");
    let left = left_at_drops(|alive| {
        let guard = alive.guard();
        let work = async move {
            steps(guard).await;
            Ok(())
        };
        with_grace(work, &cancel, ms(10))
    });
    assert_eq!(left.await, 0);
    let left = left_at_drops(|alive| {
        let task = AbortOnDropHandle::new(tokio::spawn(steps(alive.guard())));
        task_or_cancelled(task, &cancel)
    });
    assert_eq!(left.await, 2, "a task is gone a moment later");
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_it_in_the_grace_time_drops_the_work() {
    let (seen, reserved) = (Seen::default(), AtomicU32::new(0));
    let cancel = cancelled_after(ms(500));
    let work = order(&seen, &reserved, &cancel, ms(60_000));
    let within = timeout(ms(700), with_grace(work, &cancel, ms(1_000))).await;
    assert!(within.is_err());
    assert_eq!(reserved.load(Ordering::SeqCst), 1, "it was not given back");
}

#[test]
fn all_three_can_be_spawned() {
    fn spawns<F: Future + Send>(_: impl FnOnce() -> F) {}
    spawns(async || or_cancelled(async {}, &CancellationToken::new()).await);
    spawns(async || {
        let task = AbortOnDropHandle::new(tokio::spawn(async {}));
        task_or_cancelled(task, &CancellationToken::new()).await
    });
    spawns(async || {
        with_grace(async { Ok(()) }, &CancellationToken::new(), ms(1)).await
    });
}

// A real request.

/// Tells when it is dropped.
struct Tells(mpsc::UnboundedSender<&'static str>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test]
async fn a_cancelled_reqwest_request_closes_its_connection_so_the_handler_is_dropped() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = move || {
        let tell = tell.clone();
        async move {
            let _ = tell.send("begun");
            let _tells = Tells(tell);
            pending::<()>().await;
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(handler));
    let server = tokio::spawn(axum::serve(listener, router).into_future());

    let (client, cancel) = (reqwest::Client::new(), CancellationToken::new());
    let click = async {
        assert_eq!(told.recv().await, Some("begun"));
        cancel.cancel();
    };
    let request = async { client.get(url).send().await?.text().await };
    let both = async { tokio::join!(or_cancelled(request, &cancel), click) };
    let (answer, ()) = soon(both).await;
    assert_eq!(answer.unwrap_err(), Cancelled::Dropped);
    let heard = soon(told.recv()).await;
    assert_eq!(heard, Some("dropped"));
    server.abort();
}
