use std::future::{pending, ready};
use std::pin::pin;
use std::thread;
use std::time::Duration;

use async_compat::Compat;
use backend::panics::{words, words_of};
use backend::polls::{let_others_run, polls};
use backend::{Alive, in_a_task, on_a_thread};
use futures::channel::oneshot;
use futures::future::{BoxFuture, Either, select};
use futures::{AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _};
use smol::{LocalExecutor, Timer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::RuntimeFlavor;
use tokio::task::{block_in_place, spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep};
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use tokio_util::context::RuntimeExt as _;

use super::*;

const NO_REACTOR: &str = "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
const MOMENT: Duration = Duration::from_millis(1);
/// Of a clock that nothing stops, beside what must not come at all.
const WHILE: Duration = Duration::from_millis(20);

type BlockOn = fn(BoxFuture<'static, &'static str>) -> &'static str;

/// The executors without timers and sockets of Tokio.
const OTHERS: [(&str, BlockOn); 3] = [
    ("futures", |future| futures::executor::block_on(future)),
    ("pollster", |future| pollster::block_on(future)),
    ("smol", |future| smol::block_on(future)),
];

/// Calls `make` for each executor, and polls what it makes there.
fn runs_on_others<F>(make: fn() -> F)
where
    F: Future<Output = &'static str> + Send + 'static,
{
    for (executor, block_on) in OTHERS {
        let end = on_a_thread(move || block_on(async move { make().await }.boxed()));
        assert_eq!(end, "done", "{executor}");
    }
}

fn runs_on_all<F>(make: fn() -> F)
where
    F: Future<Output = &'static str> + Send + 'static,
{
    runs_on_others(make);
    let end = on_a_thread(move || in_a_task(&one_thread(), make()));
    assert_eq!(end, "done", "one thread of Tokio");
    let end = on_a_thread(move || in_a_task(&driven(), make()));
    assert_eq!(end, "done", "a worker of Tokio");
}

/// The words of the panic of `make`'s future on each executor that is not Tokio.
fn panics_on_others<F>(make: fn() -> F)
where
    F: Future<Output: Send> + Send + 'static,
{
    for (executor, block_on) in OTHERS {
        let said = on_a_thread(move || {
            words_of(|| {
                block_on(async move { drop(make().await) }.map(|()| "").boxed())
            })
        });
        assert_eq!(said, NO_REACTOR, "{executor}");
    }
}

fn one_thread() -> Runtime {
    naive::runtime_to_enter().expect("a runtime")
}

fn driven() -> Runtime {
    runtime_to_enter().expect("a runtime")
}

fn in_tokio() -> bool {
    Handle::try_current().is_ok()
}

// What runs where

#[test]
fn a_computation_and_channels_run_on_any_executor() {
    runs_on_all(|| async {
        let_others_run().await;
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let (says, heard) = oneshot::channel();
        let (tells, told) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            says.send(()).expect("it is awaited");
            tells.send(()).expect("it is awaited");
            sender.blocking_send("done").expect("it is awaited");
        });
        heard.await.expect("the thread speaks");
        told.await.expect("the thread speaks");
        receiver.recv().await.expect("the thread speaks")
    });
}

#[test]
fn a_timer_of_smol_fires_on_any_executor() {
    runs_on_all(|| async {
        Timer::after(MOMENT).await;
        "done"
    });
}

#[test]
fn a_socket_of_smol_works_on_any_executor() {
    runs_on_all(|| async {
        let listener =
            smol::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut client =
            smol::net::TcpStream::connect(address).await.expect("it listens");
        let (mut server, _) = listener.accept().await.expect("a client");
        client.write_all(b"done").await.expect("it is open");
        let mut read = [0; 4];
        server.read_exact(&mut read).await.expect("four bytes");
        assert_eq!(&read, b"done");
        "done"
    });
}

#[test]
fn a_task_of_smol_runs_from_any_executor() {
    runs_on_all(|| async { smol::spawn(async { "done" }).await });
}

#[test]
#[cfg(target_os = "linux")]
fn timers_of_smol_have_a_thread_of_their_own() {
    let names = on_a_thread(|| {
        pollster::block_on(Timer::after(MOMENT));
        let tasks = std::fs::read_dir("/proc/self/task").expect("threads of Linux");
        let name = |task: io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
        };
        tasks.filter_map(name).collect::<Vec<_>>()
    });
    assert!(names.contains(&"async-io\n".to_owned()), "{names:?}");
}

#[test]
fn on_another_executor_a_timer_of_tokio_panics() {
    panics_on_others(|| async { sleep(MOMENT).await });
    panics_on_others(|| async { tokio::time::timeout(MOMENT, pending::<()>()).await });
    panics_on_others(|| async { tokio::time::interval(MOMENT).tick().await });
}

#[test]
fn on_another_executor_a_socket_of_tokio_panics() {
    panics_on_others(|| TcpListener::bind("127.0.0.1:0"));
    panics_on_others(|| async {
        let open = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        drop(TcpStream::connect(open.local_addr().expect("its address")).await);
    });
}

#[test]
fn on_another_executor_spawn_of_tokio_panics() {
    panics_on_others(|| async { tokio::spawn(async {}).await });
    panics_on_others(|| async { spawn_blocking(|| ()).await });
}

#[test]
fn on_another_executor_a_file_of_tokio_panics() {
    panics_on_others(|| tokio::fs::read("Cargo.toml"));
}

#[test]
fn on_another_executor_a_request_of_reqwest_panics() {
    panics_on_others(|| async {
        let open = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = open.local_addr().expect("its address");
        drop(reqwest::get(format!("http://{address}/")).await);
    });
}

#[test]
fn in_a_task_of_smol_a_timer_of_tokio_panics_although_a_task_of_tokio_spawned_it() {
    let said = in_a_task(&driven(), async {
        let task = smol::spawn(async { sleep(MOMENT).await });
        let panic = std::panic::AssertUnwindSafe(task).catch_unwind().await;
        words(&*panic.expect_err("it panics")).to_owned()
    });
    assert_eq!(said, NO_REACTOR);
}

// Who looks for a runtime, and when

#[test]
fn sleep_panics_at_its_call_and_a_socket_at_its_first_poll() {
    assert_eq!(words_of(|| sleep(MOMENT)), NO_REACTOR);
    let bind = TcpListener::bind("127.0.0.1:0");
    assert_eq!(words_of(|| bind.now_or_never()), NO_REACTOR);
}

#[test]
fn block_on_of_tokio_panics_too_if_sleep_is_called_before_it() {
    let runtime = driven();
    assert_eq!(words_of(|| runtime.block_on(sleep(MOMENT))), NO_REACTOR);
    runtime.block_on(async { sleep(MOMENT).await });
}

#[test]
fn a_timer_made_in_tokio_fires_on_any_executor_while_its_runtime_runs() {
    on_a_thread(|| {
        let runtime = driven();
        let timer = {
            let _inside = runtime.enter();
            sleep(MOMENT)
        };
        assert!(!in_tokio());
        pollster::block_on(timer);
    });
}

#[test]
fn a_connected_socket_and_a_handle_of_tokio_work_on_any_executor_while_their_runtime_runs()
 {
    on_a_thread(|| {
        let runtime = driven();
        let (mut server, mut client, task) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("its address");
            let client = TcpStream::connect(address).await.expect("it listens");
            let (server, _) = listener.accept().await.expect("a client");
            (server, client, tokio::spawn(async { "done" }))
        });
        assert!(!in_tokio());
        pollster::block_on(async {
            let mut word = [0; 3];
            let read = server.read_exact(&mut word);
            let (read, written) = futures::join!(read, client.write_all(b"tea"));
            read.expect("three bytes");
            written.expect("the server");
            assert_eq!(&word, b"tea");
            assert_eq!(task.await.expect("no panic"), "done");
        });
    });
}

// Compat

#[test]
fn in_compat_timers_sockets_and_tasks_of_tokio_work_on_any_executor() {
    runs_on_others(|| {
        Compat::new(async {
            sleep(MOMENT).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("its address");
            let client = tokio::spawn(TcpStream::connect(address));
            listener.accept().await.expect("a client");
            client.await.expect("no panic").expect("it listens");
            "done"
        })
    });
}

fn name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

#[test]
fn compat_polls_its_future_on_this_thread_and_its_tasks_run_on_another_one() {
    on_a_thread(|| {
        let this = thread::current().id();
        let (polled, task) = smol::block_on(Compat::new(async {
            let task = tokio::spawn(async { name() });
            (thread::current().id(), task.await.expect("no panic"))
        }));
        assert_eq!(polled, this);
        assert_eq!(task, "async-compat/tokio-1");
    });
}

#[test]
fn all_of_compat_has_one_runtime_with_one_thread() {
    let ids = on_a_thread(|| {
        let id = || Compat::new(async { Handle::current().id() });
        [smol::block_on(id()), pollster::block_on(id())]
    });
    assert_eq!(ids[0], ids[1]);
    let flavor =
        pollster::block_on(Compat::new(async { Handle::current().runtime_flavor() }));
    assert_eq!(flavor, RuntimeFlavor::CurrentThread);
}

#[test]
fn inside_of_a_runtime_compat_uses_this_runtime() {
    let runtime = driven();
    let (id, used) = in_a_task(&runtime, async {
        let used = Compat::new(async { Handle::current().id() }).await;
        (Handle::current().id(), used)
    });
    assert_eq!(id, used);
}

#[test]
fn a_task_that_smol_spawns_in_compat_is_not_in_compat() {
    let (outer, task) = on_a_thread(|| {
        smol::block_on(Compat::new(async {
            (in_tokio(), smol::spawn(async { in_tokio() }).await)
        }))
    });
    assert_eq!((outer, task), (true, false));
}

#[test]
fn block_in_place_works_in_compat_and_panics_in_a_task_of_it() {
    let (end, said) = on_a_thread(|| {
        smol::block_on(Compat::new(async {
            let end = block_in_place(|| 1);
            let task = tokio::spawn(async { block_in_place(|| 1) });
            let panic = task.await.expect_err("it panics").into_panic();
            (end, words(&*panic).to_owned())
        }))
    });
    assert_eq!(end, 1);
    assert_eq!(
        said,
        "can call blocking only when running on the multi-threaded runtime"
    );
}

#[test]
fn spawn_local_of_tokio_panics_in_compat() {
    let said = words_of(|| {
        pollster::block_on(Compat::new(async { drop(spawn_local(async {})) }));
    });
    assert_eq!(
        said,
        "`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`"
    );
}

/// How often a loop over 1,000 messages is polled.
async fn polls_of_1000_messages() -> usize {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    for message in 0..1000 {
        sender.send(message).expect("it is open");
    }
    let work = async {
        for _ in 0..1000 {
            receiver.recv().await;
        }
    };
    polls(work).await.1
}

#[test]
fn in_compat_a_loop_over_a_channel_of_tokio_has_no_budget() {
    assert_eq!(in_a_task(&driven(), polls_of_1000_messages()), 8, "128 for each poll");
    assert_eq!(pollster::block_on(Compat::new(polls_of_1000_messages())), 1);
}

// A runtime that is entered

#[test]
fn what_is_entered_has_timers_sockets_and_tasks_of_its_runtime() {
    for (executor, block_on) in OTHERS {
        on_a_thread(move || {
            let runtime = driven();
            let id = runtime.handle().id();
            let work = async move {
                sleep(MOMENT).await;
                TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let task = tokio::spawn(async { Handle::current().id() });
                assert_eq!(task.await.expect("no panic"), id);
                assert_eq!(Handle::current().id(), id);
                "done"
            };
            assert_eq!(
                block_on(enter(runtime.handle(), work).boxed()),
                "done",
                "{executor}"
            );
        });
    }
}

#[test]
fn the_runtime_to_enter_has_one_worker() {
    assert_eq!(driven().metrics().num_workers(), 1);
}

#[test]
fn what_is_entered_may_be_spawned_on_another_executor() {
    on_a_thread(|| {
        let runtime = driven();
        let task = smol::spawn(enter(runtime.handle(), sleep_a_moment()));
        smol::block_on(task);
    });
}

async fn sleep_a_moment() {
    sleep(MOMENT).await;
}

#[test]
fn between_its_polls_other_futures_of_the_thread_are_outside() {
    let runtime = driven();
    let mut entered = enter(runtime.handle(), pending::<()>());
    assert!((&mut entered).now_or_never().is_none());
    assert!(!in_tokio());
}

#[test]
fn with_a_guard_over_an_await_other_futures_of_the_thread_are_inside() {
    let runtime = driven();
    let entered = naive::enter(runtime.handle(), pending::<()>());
    {
        let mut entered = pin!(entered);
        assert!(entered.as_mut().now_or_never().is_none());
        assert!(in_tokio(), "nobody polls it");
    }
    assert!(!in_tokio());
}

/// Two futures on this thread: the one that begins first is the first to end.
fn first_in_first_out<'a, F: Future<Output = ()>>(
    enter: impl Fn(&'a Handle, BoxFuture<'a, ()>) -> F,
    runtime: &'a Handle,
) {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let enter = &enter;
        let (sender, receiver) = oneshot::channel::<()>();
        let first = enter(runtime, let_others_run().boxed());
        let second = enter(runtime, receiver.map(drop).boxed());
        let both = async {
            first.await;
            drop(sender);
        };
        futures::join!(both, second);
    }));
}

#[test]
fn two_that_are_entered_may_end_in_any_order() {
    on_a_thread(|| first_in_first_out(enter, driven().handle()));
}

#[test]
fn two_guards_over_an_await_panic_unless_the_last_ends_first() {
    let said = on_a_thread(|| {
        words_of(|| first_in_first_out(naive::enter, driven().handle()))
    });
    assert!(said.starts_with("`EnterGuard` values dropped out of order."), "{said}");
}

/// Spawns when it is dropped, as a client that says goodbye does.
struct SpawnsAtDrop;

impl Drop for SpawnsAtDrop {
    fn drop(&mut self) {
        tokio::spawn(async {});
    }
}

async fn spawns_at_drop() {
    let _client = SpawnsAtDrop;
    pending::<()>().await;
}

/// Polls it once, and drops it.
fn poll_and_drop(future: impl Future<Output = ()>) {
    assert!(future.now_or_never().is_none());
}

#[test]
fn what_is_entered_is_dropped_inside_too_and_so_is_what_is_in_compat() {
    let runtime = driven();
    poll_and_drop(enter(runtime.handle(), spawns_at_drop()));
    poll_and_drop(Compat::new(spawns_at_drop()));
}

#[test]
fn wrap_of_tokio_util_drops_its_future_outside() {
    let runtime = driven();
    let said = words_of(|| poll_and_drop(runtime.wrap(spawns_at_drop())));
    assert_eq!(said, NO_REACTOR);
}

#[test]
fn wrap_of_tokio_util_has_timers_of_its_runtime() {
    on_a_thread(|| pollster::block_on(driven().wrap(sleep_a_moment())));
}

#[test]
fn if_it_is_dropped_while_it_waits_its_future_is_dropped() {
    let runtime = driven();
    let alive = Alive::default();
    let guard = alive.guard();
    poll_and_drop(enter(runtime.handle(), async move {
        let _guard = guard;
        pending::<()>().await;
    }));
    assert_eq!(alive.count(), 0);
}

#[test]
fn a_timer_of_a_runtime_that_nobody_drives_never_fires() {
    on_a_thread(|| {
        let runtime = one_thread();
        let mut timer = enter(runtime.handle(), sleep_a_moment());
        let first = smol::block_on(select(&mut timer, Timer::after(WHILE)));
        assert!(
            matches!(first, Either::Right(_)),
            "1 ms is over, and it has not fired"
        );
        drop(first);
        runtime.block_on(timer); // now somebody drives it
    });
}

#[test]
fn a_runtime_with_one_thread_that_is_in_block_on_drives_what_is_entered() {
    on_a_thread(|| {
        let runtime = one_thread();
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let driver = thread::spawn(move || runtime.block_on(stopped));
        pollster::block_on(enter(&handle, sleep_a_moment()));
        stop.send(()).expect("it waits");
        driver.join().expect("no panic").expect("it was stopped");
    });
}

// One executor inside of another

#[test]
fn block_on_of_futures_panics_inside_of_itself() {
    let said = on_a_thread(|| {
        futures::executor::block_on(async {
            words_of(|| futures::executor::block_on(ready(1)))
        })
    });
    assert!(said.contains("cannot execute `LocalPool` executor from within another executor: EnterError"), "{said}");
}

#[test]
fn block_on_of_smol_and_pollster_works_inside_of_itself() {
    on_a_thread(|| {
        let timer = || Timer::after(MOMENT);
        smol::block_on(async { smol::block_on(timer()) });
        smol::block_on(async { smol::future::block_on(timer()) });
        smol::future::block_on(async { smol::future::block_on(timer()) });
        pollster::block_on(async { pollster::block_on(timer()) });
    });
}

#[test]
fn block_on_of_tokio_panics_in_tokio_and_works_in_the_others() {
    let runtime = driven();
    let handle = runtime.handle().clone();
    let said = runtime.block_on(async { words_of(|| handle.block_on(ready(1))) });
    assert!(
        said.starts_with("Cannot start a runtime from within a runtime."),
        "{said}"
    );
    for (executor, block_on) in OTHERS {
        let handle = runtime.handle().clone();
        let end = on_a_thread(move || {
            block_on(async move { handle.block_on(ready("1")) }.boxed())
        });
        assert_eq!(end, "1", "{executor}");
    }
}

/// In a task, waits by `block_on` for an answer of another task, or for `WHILE`.
fn waits_for_a_task(runtime: &Runtime, block_on: BlockOn) -> &'static str {
    in_a_task(runtime, async move {
        let (sender, answer) = oneshot::channel();
        let task = tokio::spawn(async move { sender.send(()) });
        let first = block_on(
            async {
                match select(answer, Timer::after(WHILE)).await {
                    Either::Left(_) => "it was answered",
                    Either::Right(_) => "it was not",
                }
            }
            .boxed(),
        );
        // The answer was given up, so the task is the one to notice: it had no turn before.
        task.await.expect("no panic").expect_err("nobody waits any more");
        first
    })
}

#[test]
fn another_block_on_in_a_task_holds_up_the_task_that_it_waits_for() {
    for (executor, block_on) in OTHERS {
        let first = on_a_thread(move || waits_for_a_task(&one_thread(), block_on));
        assert_eq!(first, "it was not", "{executor}, one thread");
        let first = on_a_thread(move || waits_for_a_task(&driven(), block_on));
        assert_eq!(first, "it was not", "{executor}, one worker");
    }
}

#[test]
fn the_naive_wait_in_a_task_holds_up_a_timer_of_the_same_thread() {
    on_a_thread(|| {
        in_a_task(&one_thread(), async {
            let mut timer = pin!(sleep(MOMENT));
            let first = naive::wait_for(select(timer.as_mut(), Timer::after(WHILE)));
            assert!(matches!(first, Either::Right(_)), "nobody drives the timer");
            drop(first);
            timer.await;
        });
    });
}

// Traits of I/O

/// Written for the traits of `futures`, as smol's are.
async fn greet(
    mut stream: impl futures::AsyncRead + futures::AsyncWrite + Unpin,
) -> String {
    stream.write_all(b"hello").await.expect("it is open");
    stream.close().await.expect("it is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    answer
}

/// Written for the traits of Tokio.
async fn answer(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
) -> String {
    let mut greeting = String::new();
    stream.read_to_string(&mut greeting).await.expect("text");
    stream.write_all(b"good morning").await.expect("it is open");
    stream.shutdown().await.expect("it is open");
    greeting
}

#[test]
fn a_socket_of_tokio_has_the_traits_of_futures_by_compat_and_one_of_smol_those_of_tokio()
 {
    let heard = in_a_task(&driven(), async {
        let listener =
            smol::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let client = TcpStream::connect(address).await.expect("it listens");
        let (server, _) = listener.accept().await.expect("a client");
        // Both by the traits of tokio-util: `compat` of one is not that of the other.
        let client = TokioAsyncReadCompatExt::compat(client);
        let server = FuturesAsyncReadCompatExt::compat(server);
        tokio::join!(greet(client), answer(server))
    });
    assert_eq!(heard, ("good morning".to_owned(), "hello".to_owned()));
}

#[test]
fn compat_of_async_compat_turns_traits_both_ways() {
    let heard = in_a_task(&driven(), async {
        let listener =
            smol::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let client = TcpStream::connect(address).await.expect("it listens");
        let (server, _) = listener.accept().await.expect("a client");
        tokio::join!(greet(Compat::new(client)), answer(Compat::new(server)))
    });
    assert_eq!(heard, ("good morning".to_owned(), "hello".to_owned()));
}

#[test]
fn the_traits_alone_do_not_bring_a_runtime() {
    let said = on_a_thread(|| {
        words_of(|| {
            pollster::block_on(async {
                TokioAsyncReadCompatExt::compat(
                    TcpStream::connect("127.0.0.1:1").await.expect("not reached"),
                )
            })
        })
    });
    assert_eq!(said, NO_REACTOR);
}

// A clock that is paused

#[tokio::test(start_paused = true)]
async fn on_a_paused_clock_ten_seconds_of_tokio_are_over_before_a_moment_of_smol() {
    let start = Instant::now();
    let first = select(
        Box::pin(sleep(Duration::from_secs(10))),
        Timer::after(Duration::from_mins(1)),
    );
    assert!(matches!(first.await, Either::Left(_)));
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn while_a_closure_blocks_a_paused_clock_stands_and_the_timer_of_smol_is_first() {
    let start = Instant::now();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let closure = spawn_blocking(move || ended.recv());
    let first = select(Box::pin(sleep(Duration::from_secs(10))), Timer::after(MOMENT));
    assert!(matches!(first.await, Either::Right(_)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(end);
    closure.await.expect("no panic").expect_err("it was dropped");
}
