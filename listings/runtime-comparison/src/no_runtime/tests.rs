use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use backend::panics::words_of;
use backend::polls::let_others_run;
use backend::{Alive, MINUTE, on_a_thread};
use futures::executor::LocalPool;
use futures::io::Cursor;
use futures::task::SpawnExt;
use futures::{future, stream};
use smol::Timer;

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// What Tokio says where there is no Tokio.
const NO_TOKIO: &str = "there is no reactor running, must be called from the context of a Tokio 1.x runtime";

/// The body of the four proofs: it knows of its runtime only these two functions.
async fn body<S, R, P>(sleep: S, spawn: P)
where
    S: Fn(Duration) -> R,
    R: Future,
    P: Fn(BoxFuture<'static, ()>),
{
    // Time: what never ends is ended, and what ends is not.
    let short = Duration::from_millis(1);
    assert_eq!(within(pending::<()>(), short, &sleep).await, Err(TooLate));
    assert_eq!(within(ready(7), HOUR, &sleep).await, Ok(7));

    // Items: in order, and never more than two at once.
    let (alive, most) = (Alive::default(), AtomicUsize::new(0));
    let outputs = process_items(stream::iter(1..=5), TWO, |i| {
        let guard = alive.guard();
        most.fetch_max(alive.count(), Ordering::SeqCst);
        async move {
            let _guard = guard;
            for _ in i..=5 {
                let_others_run().await; // the first one ends last
            }
            i * 2
        }
    });
    assert_eq!(outputs.collect::<Vec<_>>().await, [2, 4, 6, 8, 10]);
    assert_eq!(most.into_inner(), 2);

    // A task: its output comes back, also after it has waited.
    let task = start(
        async {
            let_others_run().await;
            "from a task"
        },
        &spawn,
    );
    assert_eq!(task.await, "from a task");

    // A socket, or here a buffer.
    let mut lines = Cursor::new("one\ntwo");
    assert_eq!(read_line(&mut lines, 3).await.unwrap().unwrap(), b"one");
    assert_eq!(read_line(&mut lines, 3).await.unwrap().unwrap(), b"two");
    assert_eq!(read_line(&mut lines, 3).await.unwrap(), None);
}

#[test]
fn the_same_body_runs_on_tokio() {
    on_a_thread(|| {
        for runtime in runtimes() {
            runtime.block_on(body(tokio::time::sleep, |task| drop(tokio::spawn(task))));
        }
    });
}

fn runtimes() -> [tokio::runtime::Runtime; 2] {
    use tokio::runtime::Builder;
    [Builder::new_multi_thread(), Builder::new_current_thread()]
        .map(|mut builder| builder.enable_all().build().unwrap())
}

#[test]
fn the_same_body_runs_on_smol() {
    on_a_thread(|| {
        smol::block_on(body(Timer::after, |task| smol::spawn(task).detach()));
    });
}

#[test]
fn the_same_body_runs_on_the_local_pool_of_futures() {
    on_a_thread(|| {
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        pool.run_until(body(Timer::after, |task| spawner.spawn(task).unwrap()));
    });
}

#[test]
fn the_same_body_runs_on_pollster_with_a_thread_for_each_task() {
    on_a_thread(|| {
        let spawn = |task| drop(thread::spawn(|| pollster::block_on(task)));
        pollster::block_on(body(Timer::after, spawn));
    });
}

#[test]
fn work_that_is_ready_at_its_limit_is_in_time() {
    let end = within(ready(7), Duration::ZERO, |_| ready(())).now_or_never();
    assert_eq!(end, Some(Ok(7)));
}

#[test]
fn the_sleep_is_asked_for_the_limit() {
    let mut asked = Vec::new();
    let sleep = |limit| {
        asked.push(limit);
        ready(())
    };
    assert_eq!(within(pending::<()>(), HOUR, sleep).now_or_never(), Some(Err(TooLate)));
    assert_eq!(asked, [HOUR]);
}

#[test]
fn at_the_limit_and_at_a_drop_the_work_is_dropped() {
    let alive = Alive::default();
    let work = || {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    };
    assert_eq!(within(work(), HOUR, |_| ready(())).now_or_never(), Some(Err(TooLate)));
    assert_eq!(alive.count(), 0);
    let mut waits = Box::pin(within(work(), HOUR, |_| pending::<()>()));
    assert!((&mut waits).now_or_never().is_none());
    assert_eq!(alive.count(), 1);
    drop(waits);
    assert_eq!(alive.count(), 0);
}

#[test]
fn process_may_change_what_it_captures() {
    let mut seen = Vec::new();
    let outputs = process_items(stream::iter([3, 1, 2]), TWO, |item| {
        seen.push(item);
        ready(item)
    });
    let outputs = outputs.collect::<Vec<_>>().now_or_never();
    assert_eq!((outputs, seen), (Some(vec![3, 1, 2]), vec![3, 1, 2]));
}

#[test]
fn a_dropped_next_loses_no_item_and_a_dropped_stream_drops_its_futures() {
    let alive = Alive::default();
    let mut outputs = Box::pin(process_items(stream::iter(1..=3), TWO, |item| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            let_others_run().await;
            item
        }
    }));
    assert_eq!(outputs.next().now_or_never(), None);
    assert_eq!(alive.count(), 2);
    assert_eq!(outputs.next().now_or_never(), Some(Some(1)));
    drop(outputs);
    assert_eq!(alive.count(), 0);
}

#[test]
fn the_naive_items_are_all_in_flight_at_once() {
    let most = AtomicUsize::new(0);
    let alive = Alive::default();
    let outputs = naive::process_items(0..100, |item| {
        let guard = alive.guard();
        most.fetch_max(alive.count(), Ordering::SeqCst);
        async move {
            let _guard = guard;
            let_others_run().await;
            item
        }
    });
    assert_eq!(smol::block_on(outputs).len(), 100);
    assert_eq!(most.load(Ordering::SeqCst), 100);
}

/// A handle and its task, which has not been spawned anywhere.
fn unspawned<F>(work: F) -> (RemoteHandle<F::Output>, BoxFuture<'static, ()>)
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let mut spawned = None;
    let handle = start(work, |task| spawned = Some(task));
    (handle, spawned.unwrap())
}

#[test]
fn a_dropped_handle_cancels_its_task() {
    let alive = Alive::default();
    let guard = alive.guard();
    let (handle, mut task) = unspawned(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    assert!((&mut task).now_or_never().is_none());
    drop(handle);
    assert!(task.now_or_never().is_some());
    assert_eq!(alive.count(), 0);
}

#[test]
fn a_forgotten_handle_lets_its_task_go_on() {
    let (says, said) = mpsc::channel();
    let (handle, mut task) = unspawned(async move {
        let_others_run().await;
        says.send("done").unwrap();
    });
    assert!((&mut task).now_or_never().is_none());
    handle.forget();
    assert!(task.now_or_never().is_some());
    assert_eq!(said.try_recv(), Ok("done"));
}

#[test]
fn a_panic_of_a_task_goes_on_in_whoever_awaits_its_handle() {
    let (handle, task) = unspawned(async { panic!("boom") });
    assert!(task.now_or_never().is_some(), "the executor sees no panic");
    assert_eq!(words_of(|| Option::<()>::is_some(&handle.now_or_never())), "boom");
}

#[test]
fn a_handle_whose_task_is_gone_panics() {
    let (handle, task) = unspawned(pending::<()>());
    drop(task);
    assert!(catch_unwind(AssertUnwindSafe(|| handle.now_or_never())).is_err());
}

/// What `read_line` reads from `bytes`, line after line, until there is an error.
fn lines(bytes: &str, most: u64) -> (Vec<Vec<u8>>, Option<LineError>) {
    let (mut reader, mut lines) = (Cursor::new(bytes), Vec::new());
    loop {
        match smol::block_on(read_line(&mut reader, most)) {
            Ok(Some(line)) => lines.push(line),
            Ok(None) => return (lines, None),
            Err(error) => return (lines, Some(error)),
        }
    }
}

#[test]
fn a_line_may_be_as_long_as_its_limit_and_no_longer() {
    let (read, error) = lines("four\nfive5\n", 4);
    assert_eq!(read, [b"four"]);
    assert_eq!(error.unwrap().to_string(), "the line is longer than 4 bytes");
    let (read, error) = lines("four\n\nend", 4);
    assert!(error.is_none());
    assert_eq!(read, [&b"four"[..], b"", b"end"]);
}

#[test]
fn no_more_than_one_byte_beyond_the_limit_is_taken_from_the_reader() {
    let mut reader = Cursor::new(vec![b'x'; 1000]);
    assert!(smol::block_on(read_line(&mut reader, 10)).is_err());
    assert_eq!(reader.position(), 11);
}

#[test]
fn an_error_of_the_connection_is_passed_on() {
    struct Broken;
    impl futures::AsyncRead for Broken {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _cx: &mut std::task::Context<'_>,
            _buffer: &mut [u8],
        ) -> std::task::Poll<io::Result<usize>> {
            std::task::Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }
    let mut reader = futures::io::BufReader::new(Broken);
    let error = smol::block_on(read_line(&mut reader, 10)).unwrap_err();
    assert!(
        matches!(error, LineError::Io(it) if it.kind() == io::ErrorKind::ConnectionReset)
    );
}

/// What `future` says if it panics on smol, where there is no Tokio.
fn panics_on_smol<F: Future>(future: F) -> String {
    words_of(|| smol::block_on(future))
}

#[test]
fn outside_of_tokio_its_timers_sockets_files_and_tasks_panic() {
    assert_eq!(panics_on_smol(naive::within(ready(()), HOUR)), NO_TOKIO);
    assert_eq!(panics_on_smol(async { tokio::time::sleep(HOUR).await }), NO_TOKIO);
    let listener = async { tokio::net::TcpListener::bind("127.0.0.1:0").await };
    assert_eq!(panics_on_smol(listener), NO_TOKIO);
    assert_eq!(panics_on_smol(async { tokio::fs::metadata(".").await }), NO_TOKIO);
    assert_eq!(panics_on_smol(async { tokio::spawn(async {}).await }), NO_TOKIO);
    let blocking = async { tokio::task::spawn_blocking(|| ()).await };
    assert_eq!(panics_on_smol(blocking), NO_TOKIO);
}

#[test]
fn on_smol_the_channels_locks_and_macros_of_tokio_work() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::{Mutex, Notify, Semaphore, broadcast, mpsc, oneshot, watch};
    on_a_thread(|| {
        smol::block_on(async {
            let (sender, mut receiver) = mpsc::channel(1);
            let sends = smol::spawn(async move {
                for message in 0..3 {
                    sender.send(message).await.unwrap(); // waits for room
                }
            });
            let mut messages = Vec::new();
            while let Some(message) = receiver.recv().await {
                messages.push(message);
            }
            sends.await;
            assert_eq!(messages, [0, 1, 2]);

            let (reply, answer) = oneshot::channel();
            smol::spawn(async move { reply.send(7) }).detach();
            assert_eq!(answer.await, Ok(7));

            let (lock, notify) = (Arc::new(Mutex::new(0)), Arc::new(Notify::new()));
            let guard = lock.lock().await;
            let (same, bell) = (Arc::clone(&lock), Arc::clone(&notify));
            let waits = smol::spawn(async move {
                *same.lock().await += 1;
                bell.notify_one();
            });
            let_others_run().await;
            drop(guard);
            notify.notified().await;
            waits.await;
            assert_eq!(*lock.lock().await, 1);

            assert!(Semaphore::new(1).acquire().await.is_ok());
            let (sender, mut receiver) = watch::channel(0);
            sender.send(1).unwrap();
            receiver.changed().await.unwrap();
            let (sender, mut receiver) = broadcast::channel(1);
            sender.send(1).unwrap();
            assert_eq!(receiver.recv().await, Ok(1));

            let (mut near, mut far) = tokio::io::duplex(8);
            near.write_all(b"hello").await.unwrap();
            let mut read = [0; 5];
            far.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"hello");

            tokio::task::yield_now().await;
            let first = tokio::select! { it = ready(1) => it, it = pending() => it };
            assert_eq!((first, tokio::join!(ready(2), ready(3))), (1, (2, 3)));
        });
    });
}

#[test]
fn timers_of_smol_run_on_every_executor_on_a_thread_of_their_own() {
    for end in [
        on_a_thread(|| {
            LocalPool::new().run_until(Timer::after(Duration::from_millis(1)))
        }),
        on_a_thread(|| pollster::block_on(Timer::after(Duration::from_millis(1)))),
    ] {
        assert!(end <= std::time::Instant::now());
    }
}

#[test]
fn a_task_of_a_library_runs_beside_its_caller() {
    let both = Arc::new(Barrier::new(2));
    let (meets, met) = mpsc::channel();
    let there = Arc::clone(&both);
    let work = async move {
        there.wait(); // blocks until the caller is there too
        meets.send(()).unwrap();
    };
    let handle = start(work, |task| smol::spawn(task).detach());
    both.wait();
    met.recv_timeout(MINUTE).unwrap();
    on_a_thread(|| smol::block_on(handle));
}

#[test]
fn futures_of_the_library_can_be_spawned() {
    fn is_send<T: Send>(it: T) -> T {
        it
    }
    let limited = is_send(within(ready(1), HOUR, |_| future::pending::<()>()));
    let items = is_send(process_items(stream::iter([1]), TWO, ready));
    let mut reader = Cursor::new("");
    let line = is_send(read_line(&mut reader, 1));
    drop((limited, items, line));
}
