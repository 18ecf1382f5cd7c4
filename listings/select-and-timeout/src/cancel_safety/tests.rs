use super::*;
use backend::alive::Guard;
use backend::cancel::after_polls;
use backend::{Alive, HttpReply, HttpSite, ends, soon};
use futures::channel::mpsc as futures_mpsc;
use futures::stream::{self, FuturesUnordered};
use futures::{FutureExt, SinkExt, StreamExt, poll};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};
use sqlx::{Connection, Executor};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc as threads;
use tempfile::TempDir;
use tokio::io::{AsyncWriteExt, BufReader, BufWriter, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{
    Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, broadcast, oneshot, watch,
};
use tokio::task::{JoinSet, spawn_blocking, yield_now};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::codec::{Framed, LinesCodec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const SECOND: Duration = Duration::from_secs(1);

/// Longer than anything that a test with a real clock waits for.
fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What another branch of `select!` does to a future that waits: polls it once, and
/// drops it.
async fn lose<F: Future>(future: F) {
    assert!(after_polls(1, future).await.is_none(), "it waits");
}

/// A channel with room for four, which has these messages.
fn filled<const N: usize>(
    messages: [&str; N],
) -> (mpsc::Sender<String>, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel(4);
    for message in messages {
        sender.try_send(message.to_owned()).unwrap();
    }
    (sender, receiver)
}

// Channels.

#[tokio::test(start_paused = true)]
async fn a_dropped_recv_leaves_the_message_in_the_channel() {
    let (sender, mut receiver) = mpsc::channel(4);
    let mut recv = Box::pin(receiver.recv());
    assert!(poll!(&mut recv).is_pending());
    sender.send("tea").await.unwrap(); // between the last poll and the drop
    drop(recv);
    assert_eq!(receiver.try_recv(), Ok("tea"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_recv_many_leaves_all_messages_in_the_channel() {
    let (sender, mut receiver) = mpsc::channel(4);
    let mut buffer = Vec::new();
    let mut many = Box::pin(receiver.recv_many(&mut buffer, 8));
    assert!(poll!(&mut many).is_pending());
    sender.send("tea").await.unwrap();
    sender.send("milk").await.unwrap();
    drop(many);
    assert!(buffer.is_empty());
    assert_eq!(receiver.recv_many(&mut buffer, 8).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_send_takes_its_message_with_it() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.send(Arc::new("tea")).await.unwrap();
    let milk = Arc::new("milk");
    lose(sender.send(Arc::clone(&milk))).await;
    assert_eq!(Arc::strong_count(&milk), 1, "the message is dropped");
    assert_eq!(receiver.recv().await.as_deref(), Some(&"tea"));
    receiver.try_recv().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_reserve_goes_to_the_end_of_the_queue() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.send("tea").await.unwrap();
    let mut first = Box::pin(sender.reserve());
    let mut second = Box::pin(sender.reserve());
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    first = Box::pin(sender.reserve());
    assert!(poll!(&mut first).is_pending());
    receiver.recv().await.unwrap();
    assert!(poll!(&mut first).is_pending(), "it was first, and is second");
    assert!(poll!(&mut second).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_closed_is_told_again() {
    let (sender, receiver) = mpsc::channel::<()>(1);
    lose(sender.closed()).await;
    drop(receiver);
    ends(sender.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_by_borrow_still_gets_its_answer() {
    let (sender, mut receiver) = oneshot::channel();
    lose(&mut receiver).await;
    sender.send("tea").unwrap();
    assert_eq!(receiver.await, Ok("tea"));
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_by_value_takes_the_channel_with_it() {
    let (sender, receiver) = oneshot::channel();
    lose(receiver).await;
    assert_eq!(sender.send("tea"), Err("tea"), "the sender gets its answer back");
    let alive = Alive::default();
    let (sender, receiver) = oneshot::channel();
    sender.send(alive.guard()).unwrap();
    drop(receiver);
    assert_eq!(alive.count(), 0, "an answer that was sent before is lost");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_broadcast_recv_leaves_the_message_in_the_channel() {
    let (sender, mut receiver) = broadcast::channel(4);
    let mut recv = Box::pin(receiver.recv());
    assert!(poll!(&mut recv).is_pending());
    sender.send("tea").unwrap();
    drop(recv);
    assert_eq!(receiver.try_recv(), Ok("tea"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_changed_leaves_the_value_unseen() {
    let (sender, mut price) = watch::channel(1);
    let mut changed = Box::pin(price.changed());
    assert!(poll!(&mut changed).is_pending());
    sender.send(2).unwrap();
    drop(changed);
    assert!(price.has_changed().unwrap());
    ends(price.changed()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_for_loses_no_value_that_fits() {
    let (sender, mut price) = watch::channel(1);
    lose(price.wait_for(|price| *price == 3)).await;
    sender.send(3).unwrap();
    assert_eq!(*ends(price.wait_for(|price| *price == 3)).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_for_has_marked_the_values_it_refused_as_seen() {
    let (sender, mut price) = watch::channel(1);
    sender.send(2).unwrap();
    assert!(price.has_changed().unwrap());
    lose(price.wait_for(|price| *price == 3)).await;
    assert!(!price.has_changed().unwrap());
    lose(price.changed()).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_notified_goes_to_the_end_of_the_queue() {
    let notify = Notify::new();
    let mut first = Box::pin(notify.notified());
    let mut second = Box::pin(notify.notified());
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    first = Box::pin(notify.notified());
    assert!(poll!(&mut first).is_pending());
    notify.notify_one();
    assert!(poll!(&mut first).is_pending(), "it was first, and is second");
    assert!(poll!(&mut second).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_notified_passes_its_permit_on() {
    let notify = Notify::new();
    let mut first = Box::pin(notify.notified());
    let mut second = Box::pin(notify.notified());
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    notify.notify_one(); // for the first
    drop(first);
    assert!(poll!(&mut second).is_ready());
    drop(second);

    let mut alone = Box::pin(notify.notified());
    assert!(poll!(&mut alone).is_pending());
    notify.notify_one();
    drop(alone);
    assert!(poll!(pin!(notify.notified())).is_ready(), "the `Notify` keeps it");
}

#[tokio::test(start_paused = true)]
async fn between_two_notified_a_call_for_all_waiters_is_missed() {
    let notify = Notify::new();
    lose(notify.notified()).await;
    notify.notify_waiters();
    lose(notify.notified()).await;

    let mut waiting = Box::pin(notify.notified());
    assert!(poll!(&mut waiting).is_pending());
    notify.notify_waiters();
    drop(waiting); // it had been called
    lose(notify.notified()).await;
}

// Locks and counters.

/// Whether a wait that was first, was dropped and was made anew comes after the second.
macro_rules! is_second_now {
    ($wait:expr, $free:expr) => {{
        let mut first = Box::pin($wait);
        let mut second = Box::pin($wait);
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        first = Box::pin($wait);
        assert!(poll!(&mut first).is_pending());
        $free;
        poll!(&mut first).is_pending() && poll!(&mut second).is_ready()
    }};
}

#[tokio::test(start_paused = true)]
async fn a_dropped_lock_goes_to_the_end_of_the_queue() {
    let lock = Mutex::new(());
    let held = lock.lock().await;
    assert!(is_second_now!(lock.lock(), drop(held)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_write_goes_to_the_end_of_the_queue() {
    let lock = RwLock::new(());
    let held = lock.read().await;
    assert!(is_second_now!(lock.write(), drop(held)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_goes_behind_a_writer_that_came_later() {
    let lock = RwLock::new(());
    let held = lock.write().await;
    let mut read = Box::pin(lock.read());
    let mut write = Box::pin(lock.write());
    assert!(poll!(&mut read).is_pending() && poll!(&mut write).is_pending());
    read = Box::pin(lock.read());
    assert!(poll!(&mut read).is_pending());
    drop(held);
    assert!(poll!(&mut read).is_pending());
    assert!(poll!(&mut write).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_write_lets_the_readers_behind_it_in() {
    let lock = RwLock::new(());
    let _held = lock.read().await;
    let mut write = Box::pin(lock.write());
    let mut read = Box::pin(lock.read());
    assert!(poll!(&mut write).is_pending() && poll!(&mut read).is_pending());
    drop(write);
    assert!(poll!(&mut read).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_acquire_goes_to_the_end_of_the_queue() {
    let permits = Semaphore::new(0);
    assert!(is_second_now!(permits.acquire(), permits.add_permits(1)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_acquire_passes_its_permit_on() {
    let permits = Semaphore::new(0);
    let mut first = Box::pin(permits.acquire());
    let mut second = Box::pin(permits.acquire());
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    permits.add_permits(1); // for the first
    drop(first);
    assert!(poll!(&mut second).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_acquire_many_gives_back_what_it_had_gathered() {
    let permits = Semaphore::new(2);
    let mut three = Box::pin(permits.acquire_many(3));
    assert!(poll!(&mut three).is_pending());
    assert_eq!(permits.available_permits(), 0, "it keeps two, and waits for one");
    drop(three);
    assert_eq!(permits.available_permits(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_acquire_many_goes_to_the_end_of_the_queue() {
    let permits = Semaphore::new(0);
    assert!(is_second_now!(permits.acquire_many(2), permits.add_permits(2)));
}

#[tokio::test(start_paused = true)]
async fn a_barrier_counts_a_wait_that_was_dropped() {
    let barrier = Barrier::new(2);
    lose(barrier.wait()).await;
    let alone = after_polls(1, barrier.wait()).await;
    assert!(alone.unwrap().is_leader(), "it opens for one, and was made for two");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_init_begins_anew_with_the_next_caller() {
    let (cell, begun) = (OnceCell::new(), Cell::new(0));
    let init = async || {
        begun.set(begun.get() + 1);
        sleep(ms(100)).await;
        "config"
    };
    let start = Instant::now();
    timeout(ms(60), cell.get_or_init(init)).await.unwrap_err();
    assert_eq!(*cell.get_or_init(init).await, "config");
    assert_eq!((begun.get(), start.elapsed()), (2, ms(160)));
}

// Time.

#[tokio::test(start_paused = true)]
async fn a_sleep_that_is_made_again_begins_anew() {
    let start = Instant::now();
    for _ in 0..3 {
        timeout(ms(60), sleep(ms(100))).await.unwrap_err();
    }
    assert_eq!(start.elapsed(), ms(180));

    let mut kept = pin!(sleep(ms(100)));
    timeout(ms(60), &mut kept).await.unwrap_err();
    kept.await;
    assert_eq!(start.elapsed(), ms(280));
}

#[tokio::test(start_paused = true)]
async fn a_sleep_until_that_is_made_again_ends_at_its_time() {
    let (start, end) = (Instant::now(), Instant::now() + ms(100));
    timeout(ms(60), sleep_until(end)).await.unwrap_err();
    sleep_until(end).await;
    assert_eq!(start.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_made_again_has_a_new_limit_and_timeout_at_the_old_one() {
    let (start, end) = (Instant::now(), Instant::now() + ms(100));
    timeout(ms(60), timeout_at(end, pending::<()>())).await.unwrap_err();
    timeout_at(end, pending::<()>()).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(100));
    timeout(ms(60), timeout(ms(100), pending::<()>())).await.unwrap_err();
    timeout(ms(100), pending::<()>()).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(260));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_tick_still_comes_at_its_time() {
    let (start, mut ticks) = (Instant::now(), interval(ms(100)));
    ticks.tick().await;
    timeout(ms(60), ticks.tick()).await.unwrap_err();
    ticks.tick().await;
    assert_eq!(start.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_drops_what_is_in_it_at_the_limit_and_with_itself() {
    let alive = Alive::default();
    let work = async |guard: Guard| {
        sleep(SECOND).await;
        drop(guard);
    };
    timeout(ms(10), work(alive.guard())).await.unwrap_err();
    assert_eq!(alive.count(), 0, "at the limit");
    lose(timeout(ms(10), work(alive.guard()))).await;
    assert_eq!(alive.count(), 0, "with the `timeout`");
}

// Tasks.

/// Ends after 10 ms; says so to `done`, and returns `guard`.
async fn job(guard: Guard, done: Arc<Notify>) -> Guard {
    sleep(ms(10)).await;
    done.notify_one();
    guard
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_loses_the_result_and_not_the_task() {
    let (alive, done) = (Alive::default(), Arc::new(Notify::new()));
    lose(tokio::spawn(job(alive.guard(), Arc::clone(&done)))).await;
    ends(done.notified()).await;
    sleep(ms(1)).await;
    assert_eq!(alive.count(), 0, "the result is gone");
}

#[tokio::test(start_paused = true)]
async fn a_handle_by_borrow_still_gets_its_result() {
    let mut handle = tokio::spawn(sleep(ms(10)).map(|()| "tea"));
    lose(&mut handle).await;
    sleep(ms(20)).await;
    assert_eq!(handle.await.unwrap(), "tea");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_join_next_leaves_the_result_in_the_set() {
    let mut set = JoinSet::from_iter([async { "tea" }]);
    let mut next = Box::pin(set.join_next());
    assert!(poll!(&mut next).is_pending());
    sleep(ms(1)).await; // the task ends
    drop(next);
    assert_eq!(set.join_next().await.unwrap().unwrap(), "tea");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_join_all_aborts_the_tasks_and_loses_all_results() {
    let alive = Alive::default();
    let (quick, slow) = (alive.guard(), alive.guard());
    let mut set = JoinSet::new();
    set.spawn(async { quick });
    set.spawn(async {
        sleep(SECOND).await;
        slow
    });
    timeout(ms(10), set.join_all()).await.unwrap_err();
    yield_now().await;
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_shutdown_of_a_set_has_aborted_its_tasks() {
    let alive = Alive::default();
    let mut set = JoinSet::new();
    for _ in 0..2 {
        let guard = alive.guard();
        set.spawn(async {
            sleep(SECOND).await;
            drop(guard);
        });
    }
    lose(set.shutdown()).await;
    assert_eq!(set.len(), 2);
    yield_now().await;
    assert_eq!(alive.count(), 0);
    ends(set.shutdown()).await;
    assert_eq!(set.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_for_a_tracker_is_told_again() {
    let tracker = TaskTracker::new();
    tracker.spawn(sleep(ms(10)));
    tracker.close();
    timeout(ms(5), tracker.wait()).await.unwrap_err();
    ends(tracker.wait()).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_cancelled_is_told_again() {
    let stop = CancellationToken::new();
    lose(stop.cancelled()).await;
    stop.cancel();
    ends(stop.cancelled()).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_join_loses_what_has_finished() {
    let alive = Alive::default();
    let both = async {
        let _results = tokio::join!(async { alive.guard() }, sleep(SECOND));
    };
    let both = after_polls(1, both).await;
    assert!(both.is_none());
    assert_eq!((alive.dropped(), alive.count()), (1, 0), "the first had finished");
}

/// A runtime with one thread for blocking work, which waits until the sender is dropped.
fn busy() -> (Runtime, threads::Sender<()>) {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.max_blocking_threads(1).build().unwrap();
    let (free, wait) = threads::channel::<()>();
    runtime.spawn_blocking(move || wait.recv());
    (runtime, free)
}

#[test]
fn a_dropped_handle_of_blocking_work_does_not_stop_the_work() {
    let (runtime, free) = busy();
    let (done, result) = threads::channel();
    runtime.block_on(async {
        lose(spawn_blocking(move || done.send("tea"))).await; // not begun yet
        drop(free);
        spawn_blocking(|| {}).await.unwrap();
    });
    assert_eq!(result.try_recv(), Ok("tea"));
}

// Bytes.

/// Both ends of a pipe, which holds so many bytes.
fn pipe(size: usize) -> (DuplexStream, BufReader<DuplexStream>) {
    let (client, server) = duplex(size);
    (client, BufReader::new(server))
}

/// All that comes until the other end is dropped.
async fn rest(mut input: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    input.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_has_read_nothing() {
    let (mut client, mut server) = duplex(64);
    let mut bytes = [0; 4];
    let mut read = Box::pin(server.read(&mut bytes));
    assert!(poll!(&mut read).is_pending());
    client.write_all(b"milk").await.unwrap();
    drop(read);
    assert_eq!(bytes, [0; 4]);
    assert_eq!((server.read(&mut bytes).await.unwrap(), &bytes), (4, b"milk"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_exact_leaves_bytes_where_the_next_overwrites_them() {
    let (mut client, mut server) = duplex(64);
    let mut bytes = [0; 4];
    client.write_all(b"mi").await.unwrap();
    lose(server.read_exact(&mut bytes)).await;
    assert_eq!(&bytes, b"mi\0\0", "nobody says that there are two");
    client.write_all(b"lk, tea").await.unwrap();
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"lk, ");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_u32_loses_the_bytes_that_it_had() {
    let (mut client, mut server) = duplex(64);
    client.write_all(&[0, 0]).await.unwrap();
    lose(server.read_u32()).await;
    client.write_all(&[0, 7, 0, 0]).await.unwrap();
    assert_eq!(server.read_u32().await.unwrap(), 7 << 16);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_to_end_has_left_the_bytes_in_the_vec() {
    let (mut client, mut server) = duplex(64);
    let mut bytes = Vec::new();
    client.write_all(b"two mil").await.unwrap();
    lose(server.read_to_end(&mut bytes)).await;
    assert_eq!(bytes, b"two mil");
    client.write_all(b"k").await.unwrap();
    drop(client);
    assert_eq!(server.read_to_end(&mut bytes).await.unwrap(), 1);
    assert_eq!(bytes, b"two milk");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_to_string_loses_what_it_had_read() {
    let (mut client, mut server) = duplex(64);
    let mut text = String::from("before: ");
    client.write_all(b"two mil").await.unwrap();
    lose(server.read_to_string(&mut text)).await;
    assert_eq!(text, "");
    client.write_all(b"k").await.unwrap();
    drop(client);
    assert_eq!(rest(server).await, "k");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_line_loses_half_a_line_and_empties_the_string() {
    let (mut client, mut server) = pipe(64);
    let mut line = String::from("before: ");
    client.write_all(b"two mil").await.unwrap();
    lose(server.read_line(&mut line)).await;
    assert_eq!(line, "", "also what was there before");
    client.write_all(b"k\n").await.unwrap();
    server.read_line(&mut line).await.unwrap();
    assert_eq!(line, "k\n");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_line_keeps_half_a_line_in_lines() {
    let (mut client, server) = pipe(64);
    let mut lines = server.lines();
    client.write_all(b"two mil").await.unwrap();
    lose(lines.next_line()).await;
    client.write_all(b"k\n").await.unwrap();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two milk"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_until_has_left_half_a_line_in_the_vec() {
    let (mut client, mut server) = pipe(64);
    let mut line = Vec::new();
    client.write_all(b"two mil").await.unwrap();
    lose(server.read_until(b'\n', &mut line)).await;
    assert_eq!(line, b"two mil");
    client.write_all(b"k\n").await.unwrap();
    server.read_until(b'\n', &mut line).await.unwrap();
    assert_eq!(line, b"two milk\n");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_write_has_written_nothing() {
    let (mut client, server) = duplex(4);
    client.write_all(b"four").await.unwrap();
    lose(client.write(b"more")).await;
    drop(client);
    assert_eq!(rest(server).await, "four");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_write_all_has_written_a_part() {
    let (mut client, server) = duplex(4);
    lose(client.write_all(b"two milk")).await;
    drop(client);
    assert_eq!(rest(server).await, "two ");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_write_all_buf_leaves_what_is_not_written_in_the_buffer() {
    let (mut client, server) = duplex(4);
    let mut left = &b"two milk"[..];
    lose(client.write_all_buf(&mut left)).await;
    assert_eq!(left, b"milk");
    let write = async {
        client.write_all_buf(&mut left).await.unwrap();
        drop(client);
    };
    let ((), text) = tokio::join!(write, rest(server));
    assert_eq!(text, "two milk");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_flush_goes_on_where_it_was() {
    let (client, server) = duplex(4);
    let mut client = BufWriter::new(client);
    client.write_all(b"two milk").await.unwrap();
    lose(client.flush()).await;
    let write = async {
        client.flush().await.unwrap();
        drop(client);
    };
    let ((), text) = tokio::join!(write, rest(server));
    assert_eq!(text, "two milk", "nothing twice");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_shutdown_goes_on_where_it_was() {
    let (client, server) = duplex(4);
    let mut client = BufWriter::new(client);
    client.write_all(b"two milk").await.unwrap();
    lose(client.shutdown()).await;
    let (end, text) =
        ends(async { tokio::join!(client.shutdown(), rest(server)) }).await;
    end.unwrap();
    assert_eq!(text, "two milk");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_copy_loses_what_it_had_read_and_not_written() {
    let (mut source, mut from) = duplex(64);
    let (mut to, sink) = duplex(4);
    source.write_all(b"two milk, tea").await.unwrap();
    lose(tokio::io::copy(&mut from, &mut to)).await;
    drop((source, to));
    assert_eq!((rest(sink).await, rest(from).await), ("two ".into(), String::new()));
}

// Sockets, in real time.

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn a_dropped_accept_leaves_the_connection_in_the_listener() {
    let (listener, address) = listener().await;
    let mut accept = Box::pin(listener.accept());
    assert!(poll!(&mut accept).is_pending());
    let client = soon(TcpStream::connect(address)).await.unwrap();
    drop(accept);
    let (_, peer) = soon(listener.accept()).await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[tokio::test]
async fn a_dropped_connect_may_be_a_connection_that_says_nothing() {
    let (listener, address) = listener().await;
    lose(TcpStream::connect(address)).await;
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    assert_eq!(soon(server.read(&mut [0; 8])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_readable_is_told_again() {
    let (listener, address) = listener().await;
    let client = soon(TcpStream::connect(address)).await.unwrap();
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    lose(client.readable()).await;
    server.write_all(b"milk").await.unwrap();
    soon(client.readable()).await.unwrap();
    soon(client.readable()).await.unwrap();
    assert_eq!(client.try_read(&mut [0; 8]).unwrap(), 4);
}

#[tokio::test]
async fn a_dropped_recv_from_leaves_the_datagram_in_the_socket() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut bytes = [0; 4];
    let mut recv = Box::pin(server.recv_from(&mut bytes));
    assert!(poll!(&mut recv).is_pending());
    client.send_to(b"milk", server.local_addr().unwrap()).await.unwrap();
    drop(recv);
    let (count, from) = soon(server.recv_from(&mut bytes)).await.unwrap();
    assert_eq!((count, from), (4, client.local_addr().unwrap()));
}

// Files.

#[test]
fn a_dropped_fs_write_still_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders");
    let (runtime, free) = busy();
    runtime.block_on(async {
        lose(tokio::fs::write(path.clone(), "tea")).await; // not begun yet
        drop(free);
        spawn_blocking(|| {}).await.unwrap();
    });
    assert_eq!(std::fs::read_to_string(path).unwrap(), "tea");
}

#[test]
fn a_write_all_of_a_file_returns_before_it_is_written_and_the_next_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders");
    let (runtime, free) = busy();
    runtime.block_on(async {
        let mut file = tokio::fs::File::from_std(std::fs::File::create(&path).unwrap());
        after_polls(1, file.write_all(b"tea")).await.expect("at once").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "", "not yet");
        lose(file.write_all(b"milk")).await; // waits for the first
        drop(free);
        file.flush().await.unwrap();
    });
    assert_eq!(std::fs::read_to_string(path).unwrap(), "tea");
}

// Streams and sinks.

#[tokio::test(start_paused = true)]
async fn a_dropped_next_leaves_what_runs_in_the_stream() {
    let begun = Cell::new(0);
    let step = |n| {
        let begun = &begun;
        async move {
            begun.set(begun.get() + 1);
            sleep(ms(10)).await;
            Some((n, n + 1))
        }
    };
    let mut numbers = pin!(stream::unfold(0, step));
    for want in 0..3 {
        lose(numbers.next()).await;
        assert_eq!(numbers.next().await, Some(want));
    }
    assert_eq!(begun.get(), 3, "nothing began twice");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_of_buffered_leaves_its_futures_in_the_stream() {
    let begun = Cell::new(0);
    let jobs = (0..3).map(|n| {
        let begun = &begun;
        async move {
            begun.set(begun.get() + 1);
            sleep(ms(10)).await;
            n
        }
    });
    let mut answers = pin!(stream::iter(jobs).buffered(2));
    lose(answers.next()).await;
    assert_eq!(answers.collect::<Vec<_>>().await, [0, 1, 2]);
    assert_eq!(begun.get(), 3, "nothing began twice");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_of_futures_unordered_leaves_its_futures_there() {
    let mut answers = FuturesUnordered::new();
    answers.push(sleep(ms(10)).map(|()| "tea"));
    timeout(ms(5), answers.next()).await.unwrap_err();
    assert_eq!(answers.len(), 1);
    let start = Instant::now();
    assert_eq!((answers.next().await, start.elapsed()), (Some("tea"), ms(5)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_collect_loses_what_it_had_collected() {
    let (sender, receiver) = filled(["tea", "milk"]);
    let mut orders = ReceiverStream::new(receiver);
    lose(orders.by_ref().collect::<Vec<_>>()).await;
    sender.send("bread".into()).await.unwrap();
    drop(sender);
    assert_eq!(orders.collect::<Vec<_>>().await, ["bread"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_fold_loses_its_sum() {
    let (sender, receiver) = filled(["tea", "milk"]);
    let mut orders = ReceiverStream::new(receiver);
    let count = async |sum, _| sum + 1;
    lose(orders.by_ref().fold(0, count)).await;
    sender.send("bread".into()).await.unwrap();
    drop(sender);
    assert_eq!(orders.fold(0, count).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_for_each_loses_the_item_that_it_handles() {
    let (sender, receiver) = filled(["tea", "milk", "bread"]);
    let done = RefCell::new(Vec::new());
    let save = async |order: String| {
        sleep(ms(10)).await;
        done.borrow_mut().push(order);
    };
    let mut orders = ReceiverStream::new(receiver);
    timeout(ms(15), orders.by_ref().for_each(save)).await.unwrap_err();
    drop(sender);
    orders.for_each(save).await;
    assert_eq!(*done.borrow(), ["tea", "bread"], "milk was being handled");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_of_framed_keeps_half_a_frame() {
    let (mut client, server) = duplex(64);
    let mut lines = Framed::new(server, LinesCodec::new());
    client.write_all(b"two mil").await.unwrap();
    lose(lines.next()).await;
    client.write_all(b"k\n").await.unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap(), "two milk");
}

/// What `send` of `lines` gives.
async fn send(lines: &mut Framed<DuplexStream, LinesCodec>, line: &str) {
    lines.send(line).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_send_of_framed_leaves_its_frame_in_the_buffer() {
    let (client, server) = duplex(4);
    let mut lines = Framed::new(client, LinesCodec::new());
    lose(send(&mut lines, "two milk")).await;
    let both = async {
        send(&mut lines, "tea").await;
        drop(lines);
    };
    let ((), text) = tokio::join!(both, rest(server));
    assert_eq!(text, "two milk\ntea\n", "the next send sends both");
}

#[tokio::test(start_paused = true)]
async fn a_send_of_framed_that_waits_for_room_loses_its_frame() {
    let (client, server) = duplex(4);
    let mut lines = Framed::new(client, LinesCodec::new());
    lines.set_backpressure_boundary(4);
    lose(send(&mut lines, "two milk")).await;
    lose(send(&mut lines, "bread")).await; // the buffer is full
    let both = async {
        send(&mut lines, "tea").await;
        drop(lines);
    };
    let ((), text) = tokio::join!(both, rest(server));
    assert_eq!(text, "two milk\ntea\n");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_send_of_a_futures_channel_has_sent_its_message() {
    let (mut sender, mut receiver) = futures_mpsc::channel(0);
    lose(sender.send("tea")).await;
    lose(sender.send("milk")).await; // waits for room
    assert_eq!(receiver.next().await, Some("tea"));
    drop(sender);
    assert_eq!(receiver.next().await, None, "milk is lost");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_send_all_loses_the_item_that_it_had_taken() {
    let (mut sender, mut receiver) = futures_mpsc::channel(0);
    let mut orders = stream::iter(["tea", "milk", "bread"].map(Ok));
    lose(sender.send_all(&mut orders)).await;
    assert_eq!(receiver.next().await, Some("tea"));
    assert_eq!(orders.next().await, Some(Ok("bread")), "and where is milk?");
    drop(sender);
    assert_eq!(receiver.next().await, None);
}

// HTTP.

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn a_dropped_request_may_have_reached_the_server() {
    let server =
        HttpSite::default().with_reply("/pay", HttpReply::hang()).start().await;
    select! {
        _ = client().post(server.url("/pay")).send() => unreachable!("it hangs"),
        () = server.until(|load| load.calls == 1) => {}
    }
    assert_eq!(server.requests("/pay"), 1);
    server.until(|load| load.dropped == 1).await;
}

#[tokio::test]
async fn a_dropped_body_is_gone_with_its_response() {
    let slow = HttpReply::ok("tea").body_hangs();
    let server = HttpSite::default().with_reply("/", slow).start().await;
    let response = soon(client().get(server.url("/")).send()).await.unwrap();
    lose(response.bytes()).await;
    server.until(|load| load.dropped == 1).await;
}

#[tokio::test]
async fn a_dropped_chunk_leaves_its_bytes_in_the_response() {
    let (listener, address) = listener().await;
    let request = client().get(format!("http://{address}/")).send();
    let serve = async {
        let (mut server, _) = listener.accept().await.unwrap();
        assert!(server.read(&mut [0; 1024]).await.unwrap() > 0, "the request");
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\ntwo ";
        server.write_all(head).await.unwrap();
        server
    };
    let (response, mut server) = soon(async { tokio::join!(request, serve) }).await;
    let mut response = response.unwrap();
    assert_eq!(soon(response.chunk()).await.unwrap().unwrap(), "two ");
    lose(response.chunk()).await;
    server.write_all(b"milk").await.unwrap();
    assert_eq!(soon(response.chunk()).await.unwrap().unwrap(), "milk");
}

// SQL: SQLite, in a file.

/// Options for a database with an empty table, and its folder.
async fn database() -> (SqliteConnectOptions, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("shop.db"))
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute("CREATE TABLE orders (product TEXT)").await.unwrap();
    (options, folder)
}

const INSERT: &str = "INSERT INTO orders VALUES ('tea')";

async fn count(connection: &mut SqliteConnection) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM orders");
    soon(count.fetch_one(connection)).await.unwrap()
}

#[tokio::test]
async fn a_dropped_execute_may_go_on() {
    let (options, _folder) = database().await;
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap(); // so the insert must wait
    lose(connection.execute(INSERT)).await;
    other.execute("COMMIT").await.unwrap();
    assert_eq!(count(&mut connection).await, 1);
}

#[tokio::test]
async fn after_a_dropped_fetch_the_connection_can_be_asked_again() {
    let (options, _folder) = database().await;
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let all = "SELECT count(*) FROM orders";
    drop(after_polls(1, connection.fetch_one(all)).await);
    assert_eq!(count(&mut connection).await, 0);
}

#[tokio::test]
async fn a_dropped_begin_leaves_no_transaction() {
    let (options, _folder) = database().await;
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    drop(after_polls(1, connection.begin()).await);
    connection.execute(INSERT).await.unwrap();
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    assert_eq!(count(&mut other).await, 1, "it is committed");
}

#[tokio::test]
async fn a_dropped_commit_may_have_committed() {
    for (polls, rows) in [(0, 0), (1, 1)] {
        let (options, _folder) = database().await;
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute(INSERT).await.unwrap();
        drop(after_polls(polls, transaction.commit()).await);
        assert_eq!(count(&mut connection).await, rows, "after {polls} polls");
    }
}

#[tokio::test]
async fn a_dropped_acquire_of_a_pool_goes_to_the_end_of_the_queue() {
    let (options, _folder) = database().await;
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options);
    let pool = pool.await.unwrap();
    let held = pool.acquire().await.unwrap();
    let mut first = Box::pin(pool.acquire());
    let mut second = Box::pin(pool.acquire());
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    first = Box::pin(pool.acquire());
    assert!(poll!(&mut first).is_pending());
    drop(held);
    let second = soon(second).await.unwrap();
    assert!(poll!(&mut first).is_pending(), "it was first, and is second");
    drop(second);
    soon(first).await.unwrap();
}

// WebSocket.

/// A connection after its handshake, and the raw bytes of the other end.
async fn socket(
    size: usize,
    role: Role,
) -> (WebSocketStream<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(size);
    (WebSocketStream::from_raw_socket(ours, role, None).await, theirs)
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_of_a_websocket_keeps_half_a_message() {
    let (mut client, mut server) = socket(64, Role::Client).await;
    server.write_all(b"\x81\x03t").await.unwrap(); // text, 3 bytes, the first of them
    lose(client.next()).await;
    server.write_all(b"ea").await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("tea"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_send_of_a_websocket_may_leave_its_message_in_the_buffer() {
    let (mut server, mut client) = socket(4, Role::Server).await;
    lose(server.send(Message::text("two milk"))).await;
    let both = async {
        server.send(Message::text("tea")).await.unwrap();
        drop(server);
    };
    let mut bytes = Vec::new();
    let ((), read) = tokio::join!(both, client.read_to_end(&mut bytes));
    read.unwrap();
    assert_eq!(bytes, b"\x81\x08two milk\x81\x03tea", "two whole frames");
}

// The functions of the page.

/// Two readings; the first comes in two halves, at 60 and at 120 ms.
fn meter() -> BufReader<DuplexStream> {
    let (mut meter, server) = pipe(64);
    tokio::spawn(async move {
        for piece in ["kitc", "hen 21\n", "cellar 14\n"] {
            sleep(ms(60)).await;
            meter.write_all(piece.as_bytes()).await.unwrap();
        }
    });
    server
}

#[tokio::test(start_paused = true)]
async fn with_lines_no_tick_loses_half_a_line() {
    let (start, seen) = (Instant::now(), RefCell::new(Vec::new()));
    let ticks = RefCell::new(Vec::new());
    let on_line =
        |line: &str| seen.borrow_mut().push((line.to_owned(), start.elapsed()));
    let on_tick = || ticks.borrow_mut().push(start.elapsed());
    ends(read_log(meter(), ms(100), on_line, on_tick)).await.unwrap();
    let want = [("kitchen 21".into(), ms(120)), ("cellar 14".into(), ms(180))];
    assert_eq!(seen.take(), want);
    assert_eq!(ticks.take(), [ms(0), ms(100)]);
}

#[tokio::test(start_paused = true)]
async fn with_read_line_a_tick_loses_half_a_line() {
    let (seen, ticks) = (RefCell::new(Vec::new()), Cell::new(0));
    let on_line = |line: &str| seen.borrow_mut().push(line.to_owned());
    let on_tick = || ticks.set(ticks.get() + 1);
    ends(naive::read_log(meter(), ms(100), on_line, on_tick)).await.unwrap();
    assert_eq!(
        (seen.take(), ticks.get()),
        (vec!["hen 21".into(), "cellar 14".into()], 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_not_text_is_an_error() {
    let (mut meter, server) = pipe(64);
    meter.write_all(b"\xff\n").await.unwrap();
    let end = ends(read_log(server, ms(100), |_| unreachable!(), || {})).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`period` must be non-zero")]
async fn a_log_with_a_period_of_zero_panics() {
    read_log(meter(), Duration::ZERO, |_| {}, || {}).await.unwrap();
}

/// A channel that gets each parcel after a turn of the runtime, and then ends.
fn parcels() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for parcel in ["vase", "lamp"] {
            yield_now().await;
            sender.send(parcel.to_owned()).await.ok();
        }
    });
    receiver
}

/// A scale that needs two turns.
async fn weigh(parcel: String) -> u32 {
    yield_now().await;
    yield_now().await;
    if parcel == "vase" { 700 } else { 1200 }
}

fn weighed() -> Vec<(String, u32)> {
    vec![("vase".into(), 700), ("lamp".into(), 1200)]
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_weighing_loses_no_parcel() {
    let drops = Cell::new(0);
    for polls in 0.. {
        let mut weighing = Weighing::new(parcels());
        let mut seen = Vec::new();
        let first = after_polls(polls, weighing.next(weigh)).await;
        let ended = first.is_some();
        seen.extend(first.flatten());
        for _ in 0..3 {
            seen.extend(ends(weighing.next(weigh)).await);
        }
        assert_eq!(seen, weighed(), "dropped after {polls} polls");
        if ended {
            break;
        }
        drops.set(drops.get() + 1);
    }
    assert!(drops.get() >= 4, "before it, at `recv`, and twice at the scale");
}

#[tokio::test(start_paused = true)]
async fn dropped_at_its_second_await_a_parcel_in_a_variable_is_lost() {
    let mut lost = Vec::new();
    for polls in 0.. {
        let mut parcels = parcels();
        let mut seen = Vec::new();
        let first = after_polls(polls, naive::next(&mut parcels, weigh)).await;
        let ended = first.is_some();
        seen.extend(first.flatten());
        for _ in 0..3 {
            seen.extend(ends(naive::next(&mut parcels, weigh)).await);
        }
        lost.push(2 - seen.len());
        if ended {
            break;
        }
        assert!(seen == weighed() || seen == weighed()[1..], "only the vase is lost");
    }
    assert_eq!(lost, [0, 0, 1, 1, 0], "dropped after 0, 1, 2, 3 polls, and not at all");
}

#[tokio::test(start_paused = true)]
async fn a_parcel_stays_on_the_scale_and_is_weighed_again() {
    let (_sender, receiver) = filled(["vase"]);
    let mut weighing = Weighing::new(receiver);
    let begun = Cell::new(0);
    let scale = |parcel: String| {
        begun.set(begun.get() + 1);
        weigh(parcel)
    };
    lose(weighing.next(scale)).await;
    assert_eq!(weighing.on_scale.as_deref(), Some("vase"));
    assert_eq!(ends(weighing.next(scale)).await, Some(("vase".into(), 700)));
    assert_eq!((begun.get(), &weighing.on_scale), (2, &None));
}

#[tokio::test(start_paused = true)]
async fn a_weighing_that_each_tick_drops_never_ends() {
    let (_sender, receiver) = filled(["vase"]);
    let mut weighing = Weighing::new(receiver);
    let mut ticks = interval(ms(20));
    let weigh = async |_| {
        sleep(ms(30)).await;
        700
    };
    let rounds = async {
        loop {
            select! {
                _ = weighing.next(weigh) => break,
                _ = ticks.tick() => {}
            }
        }
    };
    timeout(10 * SECOND, rounds).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_records_lose_no_byte() {
    let drops = Cell::new(0);
    for polls in 0.. {
        let (mut client, mut server) = duplex(64);
        tokio::spawn(async move {
            for piece in [&b"mi"[..], b"l", b"ktea", b"."] {
                yield_now().await;
                client.write_all(piece).await.unwrap();
            }
        });
        let mut records = Records::default();
        let mut seen = Vec::new();
        let first = after_polls(polls, records.next(&mut server)).await;
        let ended = first.is_some();
        seen.extend(first.transpose().unwrap());
        for _ in 0..3 {
            seen.extend(ends(records.next(&mut server)).await.ok());
        }
        assert_eq!(seen, [*b"milk", *b"tea."], "dropped after {polls} polls");
        if ended {
            break;
        }
        drops.set(drops.get() + 1);
    }
    assert!(drops.get() >= 3, "before it, and after each piece");
}

#[tokio::test(start_paused = true)]
async fn an_end_within_a_record_is_an_error() {
    let (mut client, mut server) = duplex(64);
    client.write_all(b"milkte").await.unwrap();
    drop(client);
    let mut records = Records::default();
    assert_eq!(records.next(&mut server).await.unwrap(), *b"milk");
    let end = ends(records.next(&mut server)).await.unwrap_err();
    assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test(start_paused = true)]
async fn the_functions_of_this_page_can_be_spawned() {
    tokio::spawn(read_log(meter(), ms(100), |_| {}, || {})).await.unwrap().unwrap();
    let all = tokio::spawn(async {
        let mut weighing = Weighing::new(parcels());
        let mut input = &b"milk"[..];
        (weighing.next(weigh).await, Records::default().next(&mut input).await.unwrap())
    });
    assert_eq!(all.await.unwrap(), (Some(("vase".into(), 700)), *b"milk"));
}
