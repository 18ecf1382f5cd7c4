use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use backend::Alive;
use backend::cancel::{after_polls, at_every_await};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::task::{JoinSet, LocalSet, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::{AbortOnDropHandle, JoinMap, JoinQueue, TaskTracker};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Each step needs 10 ms. It writes down what was begun, done, and dropped.
#[derive(Clone, Default)]
struct Scripted {
    log: Arc<Mutex<String>>,
    fails_at: &'static str,
    panics_at: &'static str,
}

impl Scripted {
    fn log(&self) -> String {
        mem::take(&mut self.log.lock().unwrap())
    }

    fn step<T: Send + 'static>(&self, name: &'static str, value: T) -> Step<T> {
        let this = self.clone();
        Box::pin(async move {
            let mut step = Begun { name, log: Arc::clone(&this.log), done: false };
            sleep(ms(10)).await;
            step.done = true;
            assert_ne!(this.panics_at, name);
            if this.fails_at == name { Err(Failed::Lost) } else { Ok(value) }
        })
    }
}

struct Begun {
    name: &'static str,
    log: Arc<Mutex<String>>,
    done: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        let how = if self.done { "" } else { " dropped" };
        let _ = write!(self.log.lock().unwrap(), "{}{how};", self.name);
    }
}

impl Shop for Scripted {
    fn read(&self) -> Step<Order> {
        self.step("read", Order { item: "tea".into(), count: 3 })
    }

    fn look_up(&self, item: &str) -> Step<u32> {
        assert_eq!(item, "tea");
        let left = if self.fails_at == "check" { 2 } else { 3 };
        self.step("look up", left)
    }

    fn write(&self, order: &Order) -> Step<()> {
        assert_eq!(order, &Order { item: "tea".into(), count: 3 });
        self.step("write", ())
    }

    fn answer(&self, text: String) -> Step<()> {
        assert_eq!(text, "3 x tea");
        self.step("answer", ())
    }
}

const ALL: &str = "read;look up;write;answer;";

#[tokio::test(start_paused = true)]
async fn both_take_an_order_in_four_steps_of_10_ms() {
    let shop = Scripted::default();
    let start = Instant::now();
    handle(&shop).await.unwrap();
    assert_eq!((shop.log().as_str(), start.elapsed()), (ALL, ms(40)));
    by_hand::handle(&shop).await.unwrap();
    assert_eq!((shop.log().as_str(), start.elapsed()), (ALL, ms(80)));
}

#[tokio::test(start_paused = true)]
async fn both_stop_at_the_step_that_fails_and_at_the_check() {
    for (fails_at, error, log) in [
        ("read", Failed::Lost, "read;"),
        ("look up", Failed::Lost, "read;look up;"),
        ("check", Failed::SoldOut(2), "read;look up;"),
        ("write", Failed::Lost, "read;look up;write;"),
        ("answer", Failed::Lost, ALL),
    ] {
        let shop = Scripted { fails_at, ..Scripted::default() };
        assert_eq!(handle(&shop).await, Err(error.clone()), "{fails_at}");
        assert_eq!(shop.log(), log);
        assert_eq!(by_hand::handle(&shop).await, Err(error.clone()), "{fails_at}");
        assert_eq!(shop.log(), log);
        let shared: Arc<dyn Shop> = Arc::new(shop.clone());
        let HandlerError::Failed(told) = handle_to_the_end(shared).await.unwrap_err()
        else {
            panic!("a task that ends by itself")
        };
        assert_eq!((told, shop.log().as_str()), (error, log));
    }
}

/// What was done and dropped, for each number of polls until the end.
const AT_EACH_AWAIT: [&str; 5] = [
    "",
    "read dropped;",
    "read;look up dropped;",
    "read;look up;write dropped;",
    "read;look up;write;answer dropped;",
];

#[tokio::test(start_paused = true)]
async fn dropped_at_each_await_both_have_done_and_dropped_the_same() {
    let shop = Scripted::default();
    let by_compiler = at_every_await(
        || handle(&shop),
        |polls, _| {
            let log = AT_EACH_AWAIT.get(polls).copied().unwrap_or(ALL);
            assert_eq!(shop.log(), log);
        },
    );
    assert_eq!(by_compiler.await, 5);
    let by_hand = at_every_await(
        || by_hand::handle(&shop),
        |polls, _| {
            let log = AT_EACH_AWAIT.get(polls).copied().unwrap_or(ALL);
            assert_eq!(shop.log(), log);
        },
    );
    assert_eq!(by_hand.await, 5);
}

#[tokio::test(start_paused = true)]
async fn before_its_first_poll_neither_has_read_anything() {
    let shop = Scripted::default();
    drop((handle(&shop), by_hand::handle(&shop)));
    assert_eq!(shop.log(), "");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`Handle` polled after completion")]
async fn by_hand_a_poll_after_the_end_panics() {
    let shop = Scripted::default();
    let mut handle = by_hand::handle(&shop);
    (&mut handle).await.unwrap();
    let _ = (&mut handle).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`async fn` resumed after completion")]
async fn an_async_fn_that_is_polled_after_its_end_panics_too() {
    let shop = Scripted::default();
    let mut handle = Box::pin(handle(&shop));
    handle.as_mut().await.unwrap();
    let _ = handle.as_mut().await;
}

/// The lines between two marks of the listing, without docs, comments and marks.
fn lines(anchors: &[&str]) -> usize {
    let listing = include_str!("../handler.rs");
    let count = |anchor: &&str| {
        let (_, rest) = listing.split_once(&format!("// ANCHOR: {anchor}\n")).unwrap();
        let (part, _) = rest.split_once(&format!("// ANCHOR_END: {anchor}\n")).unwrap();
        let lines = part.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    };
    anchors.iter().map(count).sum()
}

#[test]
fn it_is_9_lines_or_71_by_hand() {
    assert_eq!(lines(&["async_fn"]), 9);
    assert_eq!(lines(&["states", "make", "poll", "poll_rest"]), 71);
}

#[tokio::test(start_paused = true)]
async fn at_a_limit_of_35_ms_the_order_is_written_and_not_confirmed() {
    let shop = Scripted::default();
    assert!(timeout(ms(35), handle(&shop)).await.is_err());
    assert_eq!(shop.log(), "read;look up;write;answer dropped;");
}

#[tokio::test(start_paused = true)]
async fn to_the_end_an_order_that_is_being_written_is_confirmed() {
    for polls in 0.. {
        let shop = Scripted::default();
        let shared: Arc<dyn Shop> = Arc::new(shop.clone());
        let end = after_polls(polls, handle_to_the_end(shared)).await;
        sleep(ms(100)).await;
        let log = AT_EACH_AWAIT[..3].get(polls).copied().unwrap_or(ALL);
        assert_eq!(shop.log(), log, "{polls} polls");
        if end.is_some() {
            assert_eq!(polls, 4, "the task is one await");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn to_the_end_it_takes_as_long() {
    let start = Instant::now();
    handle_to_the_end(Arc::new(Scripted::default())).await.unwrap();
    assert_eq!(start.elapsed(), ms(40));
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_it_writes_is_told() {
    let shop = Scripted { panics_at: "write", ..Scripted::default() };
    let error = handle_to_the_end(Arc::new(shop)).await.unwrap_err();
    assert!(matches!(&error, HandlerError::Unfinished(end) if end.is_panic()));
    assert_eq!(error.to_string(), "the order was not finished");
}

#[test]
fn if_the_runtime_ends_the_task_ends_too() {
    let shop = Scripted::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let handle = handle_to_the_end(Arc::new(shop.clone()));
        assert!(timeout(ms(25), handle).await.is_err());
        yield_now().await;
    });
    drop(runtime);
    assert_eq!(shop.log(), "read;look up;write dropped;");
}

#[test]
fn both_can_be_spawned() {
    fn spawns<F: Future + Send>(_: impl FnOnce() -> F) {}
    spawns(|| async { handle(&Scripted::default()).await });
    spawns(|| async { by_hand::handle(&Scripted::default()).await });
    spawns(|| handle_to_the_end(Arc::new(Scripted::default())));
}

// What becomes of a task when its owner is dropped: the card of the pattern.

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether a task of 10 ms, which has begun, ends by itself after what `spawn` returned is dropped.
async fn runs_on<Owner>(spawn: impl AsyncFnOnce(Task) -> Owner) -> bool {
    let (begun, ended, dropped) =
        (Alive::default(), Alive::default(), Alive::default());
    let task = {
        let (begun, ended, dropped) = (begun.clone(), ended.clone(), dropped.guard());
        Box::pin(async move {
            drop(begun.guard());
            sleep(ms(10)).await;
            drop(ended.guard());
            drop(dropped);
        })
    };
    let owner = spawn(task).await;
    yield_now().await;
    assert_eq!((begun.dropped(), ended.dropped()), (1, 0));
    drop(owner);
    sleep(ms(100)).await;
    assert_eq!(dropped.count(), 0, "the task is gone, in one way or the other");
    ended.dropped() == 1
}

#[tokio::test(start_paused = true)]
async fn a_dropped_join_handle_lets_its_task_run_on() {
    assert!(runs_on(async |task| [tokio::spawn(task)]).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_abort_handle_does_nothing() {
    assert!(runs_on(async |task| tokio::spawn(task).abort_handle()).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_abort_on_drop_handle_aborts_its_task() {
    let owned = async |task| [AbortOnDropHandle::new(tokio::spawn(task))];
    assert!(!runs_on(owned).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_join_set_aborts_all_its_tasks() {
    let owned = async |task| {
        let mut set = JoinSet::new();
        set.spawn(task);
        set
    };
    assert!(!runs_on(owned).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_join_map_aborts_all_its_tasks() {
    let owned = async |task| {
        let mut map = JoinMap::new();
        map.spawn("key", task);
        map
    };
    assert!(!runs_on(owned).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_join_queue_aborts_all_its_tasks() {
    let owned = async |task| {
        let mut queue = JoinQueue::new();
        queue.spawn(task);
        queue
    };
    assert!(!runs_on(owned).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_task_tracker_lets_its_tasks_run_on() {
    let owned = async |task| {
        let tracker = TaskTracker::new();
        tracker.spawn(task);
        tracker
    };
    assert!(runs_on(owned).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_local_set_drops_its_tasks() {
    let owned = async |task| {
        let local = LocalSet::new();
        local.spawn_local(task);
        local.run_until(yield_now()).await;
        [local]
    };
    assert!(!runs_on(owned).await);
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_ends_drops_its_tasks() {
    let owned = async |task| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let (begun, told) = tokio::sync::oneshot::channel();
        runtime.spawn(async {
            let mut task = task;
            let polled = futures::poll!(&mut task);
            assert!(polled.is_pending());
            let _ = begun.send(());
            std::future::pending::<()>().await;
        });
        told.await.unwrap();
        ended_in_the_background(runtime)
    };
    assert!(!runs_on(owned).await);
}

/// A runtime that may be dropped in async code.
fn ended_in_the_background(runtime: Runtime) -> impl Drop {
    struct Ends(Option<Runtime>);
    impl Drop for Ends {
        fn drop(&mut self) {
            let runtime = self.0.take().unwrap();
            std::thread::spawn(move || drop(runtime)).join().unwrap();
        }
    }
    Ends(Some(runtime))
}

/// Says that it was dropped.
struct Tells(mpsc::UnboundedSender<&'static str>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test]
async fn axum_drops_a_handler_whose_client_hangs_up() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = move || {
        let tell = tell.clone();
        async move {
            tell.send("begun").unwrap();
            let _tells = Tells(tell);
            std::future::pending::<()>().await;
        }
    };
    let router = axum::Router::new().route("/", axum::routing::get(handler));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
    assert_eq!(told.recv().await, Some("begun"));
    assert_eq!(told.try_recv(), Err(TryRecvError::Empty));
    drop(client);
    assert_eq!(told.recv().await, Some("dropped"));
    assert!(!server.is_finished(), "only the handler has ended");
    server.abort();
}

/// Follows the pages of an order to the last one.
async fn last_page(page: u32) -> u32 {
    sleep(ms(10)).await;
    if page == 3 { page } else { Box::pin(last_page(page + 1)).await }
}

#[tokio::test(start_paused = true)]
async fn an_async_fn_may_await_itself_through_a_box() {
    assert_eq!(last_page(1).await, 3);
}
