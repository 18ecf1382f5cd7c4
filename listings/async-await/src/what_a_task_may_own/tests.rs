use super::*;
use backend::{Alive, cancel};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{spawn_local, yield_now};
use tokio::time::{Instant, sleep};
use tracing::span::Id;
use tracing::{Metadata, Span, Subscriber, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test(start_paused = true)]
async fn a_task_with_a_share_of_the_shop_outlives_the_function_that_spawned_it() {
    let (sender, mut mails) = mpsc::channel(1);
    let tasks = {
        let shop = Arc::new(Shop::new("Tea House", sender));
        [1, 2].map(|order| shop.accept(order))
    };
    // The function's own share of the shop is gone, and the second receipt waits.
    sleep(ms(1)).await;
    assert!(tasks[0].is_finished() && !tasks[1].is_finished());
    assert_eq!(mails.recv().await.unwrap(), "Tea House: receipt 1");
    assert_eq!(mails.recv().await.unwrap(), "Tea House: receipt 2");
    let [first, second] = tasks;
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    // With the last task, the last share is gone.
    assert_eq!(mails.recv().await, None);
}

#[tokio::test]
async fn a_receipt_for_nobody_is_an_error() {
    let (sender, mails) = mpsc::channel(1);
    drop(mails);
    let shop = Arc::new(Shop::new("Tea House", sender));
    let error = shop.accept(1).await.unwrap().unwrap_err();
    assert_eq!(error.0, "Tea House: receipt 1");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_dropped_where_it_waits_is_not_sent() {
    let (sender, mut mails) = mpsc::channel(1);
    let shop = Shop::new("Tea House", sender);
    shop.send_receipt(1).await.unwrap();
    assert!(cancel::after_polls(1, shop.send_receipt(2)).await.is_none());
    assert_eq!(mails.recv().await.unwrap(), "Tea House: receipt 1");
    assert!(mails.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn each_of_these_tasks_is_aborted_with_its_handle() {
    let alive = Alive::default();
    let work = || {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            sleep(HOUR).await;
        }
    };
    let tasks = [
        count_in_a_block(Arc::default(), work()),
        spawn_for_request(work()),
        REQUEST.sync_scope(7, || spawn_for_request(work())),
        spawn_in_span(work()),
    ];
    sleep(ms(1)).await;
    assert_eq!((alive.count(), alive.dropped()), (4, 0));
    drop(tasks);
    sleep(ms(1)).await;
    assert_eq!((alive.count(), alive.dropped()), (0, 4));
}

#[test]
fn outside_a_runtime_none_of_these_tasks_starts() {
    let (mails, _receiver) = mpsc::channel(1);
    let shop = Arc::new(Shop::new("Tea House", mails));
    let panics = [
        thread::spawn(move || drop(shop.accept(1))).join(),
        thread::spawn(|| drop(count_in_a_block(Arc::default(), async {}))).join(),
        thread::spawn(|| drop(spawn_for_request(async {}))).join(),
        thread::spawn(|| drop(spawn_in_span(async {}))).join(),
    ];
    assert!(panics.iter().all(Result::is_err));
}

#[tokio::test(start_paused = true)]
async fn branches_of_one_task_borrow_from_it_and_wait_at_the_same_time() {
    let (start, count) = (Instant::now(), Cell::new(0));
    let send = async || {
        sleep(ms(200)).await;
        count.set(count.get() + 1);
    };
    tokio::join!(send(), send());
    assert_eq!((count.get(), start.elapsed()), (2, ms(200)));
}

#[tokio::test(start_paused = true)]
async fn a_guard_in_a_block_of_its_own_can_be_spawned() {
    let count = Arc::new(Mutex::new(0));
    let task = count_in_a_block(Arc::clone(&count), sleep(ms(200)));
    sleep(ms(100)).await;
    assert_eq!(*count.try_lock().unwrap(), 1);
    assert!(!task.is_finished());
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_guard_of_tokios_mutex_may_be_held_at_an_await_of_a_task() {
    let count = Arc::new(tokio::sync::Mutex::new(0));
    let inside = Arc::clone(&count);
    let task = tokio::spawn(async move {
        let mut count = inside.lock().await;
        sleep(ms(200)).await;
        *count += 1;
    });
    sleep(ms(100)).await;
    assert!(count.try_lock().is_err());
    task.await.unwrap();
    assert_eq!(*count.lock().await, 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn on_a_local_runtime_tasks_share_what_is_not_send() {
    let (start, calls) = (Instant::now(), Rc::new(Cell::new(0)));
    let count = || {
        let calls = Rc::clone(&calls);
        async move {
            sleep(ms(200)).await;
            calls.set(calls.get() + 1);
            thread::current().id()
        }
    };
    let (first, second) = (spawn_local(count()), spawn_local(count()));
    let here = thread::current().id();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (here, here));
    assert_eq!((calls.get(), start.elapsed()), (2, ms(200)));
}

#[tokio::test]
async fn outside_a_local_runtime_spawn_local_panics() {
    let task = tokio::spawn(async { drop(spawn_local(async {})) });
    let error = task.await.unwrap_err().to_string();
    assert!(error.contains("called from outside of a `task::LocalSet`"), "{error}");
}

async fn request() -> Option<u64> {
    yield_now().await;
    REQUEST.try_get().ok()
}

#[tokio::test]
async fn a_spawned_task_has_no_task_local_of_its_parent() {
    let task = async { tokio::spawn(request()).await.unwrap() };
    assert_eq!(REQUEST.scope(7, task).await, None);
    let task = async { naive::spawn_for_request(request()).await.unwrap() };
    assert_eq!(REQUEST.scope(7, task).await, None);
}

#[tokio::test]
async fn with_a_scope_of_its_own_the_task_has_the_request_of_its_parent() {
    let task = async { spawn_for_request(request()).await.unwrap() };
    assert_eq!(REQUEST.scope(7, task).await, Some(7));
    assert_eq!(spawn_for_request(request()).await.unwrap(), None);
}

#[tokio::test]
async fn the_task_keeps_its_request_after_its_parent_has_ended() {
    let (end, ended) = oneshot::channel::<()>();
    let task = REQUEST.sync_scope(7, || {
        spawn_for_request(async {
            ended.await.unwrap();
            request().await
        })
    });
    end.send(()).unwrap();
    assert_eq!(task.await.unwrap(), Some(7));
}

#[tokio::test]
async fn a_task_local_that_nobody_set_panics_when_it_is_read() {
    let error = tokio::spawn(async { REQUEST.get() }).await.unwrap_err().to_string();
    assert!(error.contains("cannot access a task-local storage value"), "{error}");
}

/// The name of the current span, after an await.
async fn span() -> Option<&'static str> {
    yield_now().await;
    Span::current().metadata().map(Metadata::name)
}

/// On this thread, spans are kept until the guard is dropped.
fn subscriber() -> tracing::subscriber::DefaultGuard {
    tracing::subscriber::set_default(tracing_subscriber::registry())
}

#[tokio::test]
async fn a_spawned_task_is_in_no_span() {
    let _subscriber = subscriber();
    let task = async { (span().await, tokio::spawn(span()).await.unwrap()) };
    let seen = task.instrument(info_span!("request")).await;
    assert_eq!(seen, (Some("request"), None));
    let task = async { naive::spawn_in_span(span()).await.unwrap() };
    assert_eq!(task.instrument(info_span!("request")).await, None);
}

#[tokio::test]
async fn with_in_current_span_the_task_is_in_the_span_of_its_parent() {
    let _subscriber = subscriber();
    let task = async { spawn_in_span(span()).await.unwrap() };
    assert_eq!(task.instrument(info_span!("request")).await, Some("request"));
}

/// Counts the spans called `request` that have closed.
#[derive(Clone, Default)]
struct Closed(Arc<AtomicUsize>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Closed {
    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if context.span(&id).is_some_and(|span| span.name() == "request") {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// How many spans of a request have closed when the request has ended and its task still runs, and when the task
/// has ended too.
async fn closed(
    spawn: impl FnOnce(oneshot::Receiver<()>) -> AbortOnDropHandle<()>,
) -> [usize; 2] {
    let closed = Closed::default();
    let subscriber = tracing_subscriber::registry().with(closed.clone());
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let (end, ended) = oneshot::channel();
    let task = info_span!("request").in_scope(|| spawn(ended));
    yield_now().await;
    let before = closed.0.load(Ordering::SeqCst);
    end.send(()).unwrap();
    task.await.unwrap();
    [before, closed.0.load(Ordering::SeqCst)]
}

#[tokio::test]
async fn the_span_of_a_request_stays_open_while_a_task_is_in_it() {
    let spans = closed(|ended| spawn_in_span(async { ended.await.unwrap() })).await;
    assert_eq!(spans, [0, 1]);
}

#[tokio::test]
async fn it_stays_open_too_while_a_task_is_in_a_child_of_it() {
    let spans = closed(|ended| {
        let work = async { ended.await.unwrap() }.instrument(info_span!("receipt"));
        AbortOnDropHandle::new(tokio::spawn(work))
    });
    assert_eq!(spans.await, [0, 1]);
}

#[tokio::test]
async fn it_closes_with_the_request_if_the_span_of_the_task_has_no_parent() {
    let spans = closed(|ended| {
        let span = info_span!(parent: None, "receipt");
        span.follows_from(Span::current());
        let work = async { ended.await.unwrap() }.instrument(span);
        AbortOnDropHandle::new(tokio::spawn(work))
    });
    assert_eq!(spans.await, [1, 1]);
}
