use std::cell::{Cell, RefCell};
use std::fs;
use std::future::{pending, poll_fn, ready};
use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::task::Poll;

use backend::cancel::after_polls;
use backend::panics::words_of;
use backend::polls::{let_others_run, polled_twice};
use backend::{Alive, on_a_thread};
use compio::driver::{DriverType, ProactorBuilder};
use compio::runtime::JoinError;
use futures::stream;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use super::*;

/// Whether proofs about `io_uring` can run here: says why, if not.
fn is_allowed() -> bool {
    let allowed = by_the_kernel().expect("a runtime") && monoio::utils::detect_uring();
    if !allowed {
        println!("skipped: the kernel refuses io_uring, as it may in a container");
    }
    allowed
}

/// The two ends of a connection: of the client, and of the server.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("an address"));
    let (server, _) = listener.accept().expect("the client");
    (client.expect("the server"), server)
}

/// Returns when `bytes` wait in the socket: by its other handle, which blocks.
fn wait_for(bytes: &[u8], socket: &TcpStream) {
    socket.set_nonblocking(false).expect("a socket");
    let mut seen = [0; 64];
    while socket.peek(&mut seen).expect("a connection") < bytes.len() {}
    socket.set_nonblocking(true).expect("a socket");
}

/// A connection whose server has "tea;" in its socket already.
fn with_tea() -> (TcpStream, TcpStream) {
    let (mut client, server) = connection();
    client.write_all(b"tea;").expect("the server");
    wait_for(b"tea;", &server);
    (client, server)
}

/// A runtime of compio that waits in this way.
fn compio(driver: DriverType) -> Runtime {
    let mut proactor = ProactorBuilder::new();
    proactor.driver_type(driver);
    let runtime = Runtime::builder().with_proactor(proactor).build();
    let runtime = runtime.expect("a runtime");
    assert_eq!(runtime.driver_type(), driver, "what was asked for");
    runtime
}

/// What `work` gives on a runtime of compio, which is to be soon.
fn on_compio<T: Send + 'static>(
    driver: DriverType,
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> T {
    on_a_thread(move || compio(driver).block_on(work()))
}

/// What `work` gives on a runtime of monoio, which is to be soon.
fn on_monoio<T: Send + 'static>(
    in_the_kernel: bool,
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> T {
    on_a_thread(move || {
        if in_the_kernel {
            let runtime = RuntimeBuilder::<IoUringDriver>::new().build();
            return runtime.expect("a runtime").block_on(work());
        }
        let runtime = RuntimeBuilder::<LegacyDriver>::new().build();
        runtime.expect("a runtime").block_on(work())
    })
}

/// The ways of compio that this system allows.
fn drivers() -> Vec<DriverType> {
    let kernel = is_allowed().then_some(DriverType::IoUring);
    kernel.into_iter().chain([DriverType::Poll]).collect()
}

/// A stream of compio, the client at its other end, and another handle of its socket.
fn stream() -> (compio::net::TcpStream, TcpStream, TcpStream) {
    let (client, server) = connection();
    let socket = server.try_clone().expect("another handle");
    let stream = compio::net::TcpStream::from_std(server).expect("a stream");
    (stream, client, socket)
}

/// What the stream gives, to its end.
async fn rest(stream: &mut impl AsyncRead) -> String {
    let mut all = Vec::new();
    loop {
        let BufResult(read, buffer) = stream.read(Vec::with_capacity(16)).await;
        if read.expect("no error") == 0 {
            return text(all);
        }
        all.extend(buffer);
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

/// As long as "tea;": a read that the kernel begins after "cake" has come would take both.
const ROOM: usize = 4;

/// The first read is stopped at once: "tea;" waits in the socket already. Then "cake" comes. What all reads give.
fn stopped_at_once(driver: DriverType) -> String {
    on_compio(driver, async move || {
        let (mut orders, mut client, socket) = stream();
        client.write_all(b"tea;").expect("the server");
        wait_for(b"tea;", &socket);
        let read =
            naive::read_or_stop(&mut orders, Vec::with_capacity(ROOM), ready(())).await;
        let first = read.map_or(String::new(), |BufResult(_, buffer)| text(buffer));
        client.write_all(b"cake").expect("the server");
        drop(client);
        first + &rest(&mut orders).await
    })
}

#[test]
fn a_read_that_is_dropped_takes_its_bytes_with_it() {
    if is_allowed() {
        assert_eq!(stopped_at_once(DriverType::IoUring), "cake");
    }
}

#[test]
fn a_dropped_read_takes_what_comes_until_the_next_turn_of_the_runtime() {
    if !is_allowed() {
        return;
    }
    let given = on_compio(DriverType::IoUring, async move || {
        let (mut orders, mut client, socket) = stream();
        let buffer = Vec::with_capacity(2 * ROOM);
        let read = naive::read_or_stop(&mut orders, buffer, ready(())).await;
        assert!(read.is_none(), "it is dropped");
        client.write_all(b"tea;cake").expect("the server");
        wait_for(b"tea;cake", &socket);
        drop(client);
        rest(&mut orders).await
    });
    assert_eq!(given, "", "the kernel hears of the read and of the drop now");
}

#[test]
fn where_the_system_only_says_that_bytes_are_there_none_is_lost() {
    assert_eq!(stopped_at_once(DriverType::Poll), "tea;cake");
}

#[test]
fn a_read_that_waits_in_the_kernel_takes_them_too() {
    if !is_allowed() {
        return;
    }
    let given = on_compio(DriverType::IoUring, async move || {
        let (mut orders, mut client, _) = stream();
        // By a turn of the runtime, the kernel has the read. Then "tea;" comes, and the read is dropped.
        let tea = polled_twice(|| ());
        let stop = async {
            tea.await;
            client.write_all(b"tea;").expect("the server");
        };
        let read =
            naive::read_or_stop(&mut orders, Vec::with_capacity(ROOM), stop).await;
        assert!(read.is_none(), "nobody was told");
        client.write_all(b"cake").expect("the server");
        drop(client);
        rest(&mut orders).await
    });
    assert_eq!(given, "cake");
}

/// The same as `stopped_at_once`, on monoio.
async fn stopped_on_monoio() -> String {
    use monoio::io::AsyncReadRent;
    let (mut client, server) = with_tea();
    let mut orders = monoio::net::TcpStream::from_std(server).expect("a stream");
    let first = after_polls(1, orders.read(Vec::with_capacity(ROOM))).await;
    let mut all = first.map_or(Vec::new(), |(_, buffer)| buffer);
    client.write_all(b"cake").expect("the server");
    drop(client);
    loop {
        let (read, buffer) = orders.read(Vec::with_capacity(ROOM)).await;
        if read.expect("no error") == 0 {
            return text(all);
        }
        all.extend(buffer);
    }
}

#[test]
fn monoio_loses_the_bytes_of_a_dropped_read_with_io_uring_alone() {
    assert_eq!(on_monoio(false, stopped_on_monoio), "tea;cake");
    if is_allowed() {
        assert_eq!(on_monoio(true, stopped_on_monoio), "cake");
    }
}

#[test]
fn on_monoio_a_read_that_is_cancelled_and_awaited_gives_its_bytes() {
    use monoio::io::{CancelableAsyncReadRent, Canceller};
    if !is_allowed() {
        return;
    }
    let given = on_monoio(true, async || {
        let (_client, server) = with_tea();
        let mut orders = monoio::net::TcpStream::from_std(server).expect("a stream");
        let canceller = Canceller::new();
        let buffer = Vec::with_capacity(ROOM);
        let mut read = pin!(orders.cancelable_read(buffer, canceller.handle()));
        assert!(after_polls(1, read.as_mut()).await.is_none());
        canceller.cancel();
        text(read.await.1)
    });
    assert_eq!(given, "tea;");
}

#[test]
fn on_tokio_and_smol_the_bytes_of_a_dropped_read_stay_in_the_socket() {
    let (client, server) = with_tea();
    drop(client);
    let tokio_reads = async |server: TcpStream| {
        use tokio::io::AsyncReadExt;
        let mut orders = tokio::net::TcpStream::from_std(server).expect("a stream");
        let mut all = Vec::new();
        let mut buffer = [0; ROOM];
        let first = after_polls(1, orders.read(&mut buffer)).await;
        all.extend(&buffer[..first.map_or(0, |it| it.expect("no error"))]);
        orders.read_to_end(&mut all).await.expect("no error");
        text(all)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let given = runtime.expect("a runtime").block_on(tokio_reads(server));
    assert_eq!(given, "tea;");

    let (client, server) = with_tea();
    drop(client);
    let given = smol::block_on(async {
        use smol::io::AsyncReadExt;
        let mut orders = smol::net::TcpStream::try_from(server).expect("a stream");
        let mut all = Vec::new();
        let mut buffer = [0; ROOM];
        let first = after_polls(1, orders.read(&mut buffer)).await;
        all.extend(&buffer[..first.map_or(0, |it| it.expect("no error"))]);
        orders.read_to_end(&mut all).await.expect("no error");
        text(all)
    });
    assert_eq!(given, "tea;");
}

#[test]
fn a_read_that_is_stopped_gives_the_bytes_that_it_has() {
    if !is_allowed() {
        return;
    }
    on_compio(DriverType::IoUring, async move || {
        let (mut orders, mut client, socket) = stream();
        client.write_all(b"tea;").expect("the server");
        wait_for(b"tea;", &socket);
        let buffer = Vec::with_capacity(ROOM);
        let BufResult(read, buffer) =
            read_or_stop(&mut orders, buffer, ready(())).await;
        assert_eq!((read.expect("no error"), text(buffer)), (Some(4), "tea;".into()));
        client.write_all(b"cake").expect("the server");
        drop(client);
        assert_eq!(rest(&mut orders).await, "cake");
    });
}

#[test]
fn a_read_that_is_stopped_without_bytes_gives_its_buffer_back() {
    for driver in drivers() {
        on_compio(driver, async move || {
            let (mut orders, mut client, _) = stream();
            let buffer = Vec::with_capacity(ROOM);
            let memory = buffer.as_ptr();
            let BufResult(read, buffer) =
                read_or_stop(&mut orders, buffer, let_others_run()).await;
            assert_eq!((read.expect("no error"), buffer.len()), (None, 0));
            assert_eq!(buffer.as_ptr(), memory, "it is the same one");
            client.write_all(b"cake").expect("the server");
            drop(client);
            assert_eq!(rest(&mut orders).await, "cake", "{driver:?}");
        });
    }
}

#[test]
fn a_read_that_is_not_stopped_gives_what_comes_and_zero_at_the_end() {
    for driver in drivers() {
        on_compio(driver, async move || {
            let (mut orders, mut client, _) = stream();
            client.write_all(b"tea;").expect("the server");
            let buffer = b"what was here before".to_vec();
            let BufResult(read, buffer) =
                read_or_stop(&mut orders, buffer, pending::<()>()).await;
            assert_eq!((read.expect("no error"), &buffer[..]), (Some(4), &b"tea;"[..]));
            drop(client);
            let BufResult(read, buffer) =
                read_or_stop(&mut orders, buffer, pending::<()>()).await;
            assert_eq!((read.expect("no error"), buffer.len()), (Some(0), 0));
        });
    }
}

#[test]
fn a_read_into_a_buffer_that_is_not_empty_leaves_its_old_end() {
    for driver in drivers() {
        on_compio(driver, async move || {
            let (mut orders, mut client, _) = stream();
            client.write_all(b"tea;").expect("the server");
            let BufResult(read, buffer) = orders.read(b"coffee".to_vec()).await;
            assert_eq!((read.expect("no error"), text(buffer)), (4, "tea;ee".into()));
        });
    }
}

#[test]
fn an_error_of_the_read_comes_out_and_is_no_stop() {
    for driver in drivers() {
        on_compio(driver, async move || {
            let (mut orders, client, mut socket) = stream();
            socket.write_all(b"a bill").expect("the client");
            wait_for(b"a bill", &client);
            drop(client); // who closes without reading resets the connection
            let buffer = Vec::with_capacity(ROOM);
            let BufResult(read, _) =
                read_or_stop(&mut orders, buffer, pending::<()>()).await;
            let error = read.expect_err("the connection is gone");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        });
    }
}

#[test]
fn who_drops_the_waiting_read_or_stop_loses_bytes_again() {
    if !is_allowed() {
        return;
    }
    on_compio(DriverType::IoUring, async move || {
        let (mut orders, mut client, socket) = stream();
        client.write_all(b"tea;").expect("the server");
        wait_for(b"tea;", &socket);
        let read = read_or_stop(&mut orders, Vec::with_capacity(ROOM), pending::<()>());
        assert!(after_polls(1, read).await.is_none());
        client.write_all(b"cake").expect("the server");
        drop(client);
        assert_eq!(rest(&mut orders).await, "cake");
    });
}

#[test]
fn events_come_while_one_read_waits_and_no_byte_is_lost() {
    for driver in drivers() {
        on_compio(driver, async move || {
            let (mut orders, mut client, socket) = stream();
            client.write_all(b"tea;").expect("the server");
            wait_for(b"tea;", &socket);
            let mut events = stream::iter(["tick", "tock"]);
            let mut seen = Vec::new();
            let mut all = Vec::new();
            while all.len() < 8 {
                let buffer = b"what was here before".to_vec();
                let BufResult(read, buffer) =
                    read_beside(&mut orders, buffer, &mut events, |it| seen.push(it))
                        .await;
                assert_eq!(read.expect("no error"), buffer.len());
                all.extend(buffer);
                if all.len() == 4 {
                    client.write_all(b"cake").expect("the server");
                }
            }
            assert_eq!(text(all), "tea;cake");
            if driver == DriverType::IoUring {
                assert_eq!(seen, ["tick", "tock"], "before the first read ended");
            }
        });
    }
}

#[test]
fn a_new_read_after_each_event_loses_the_bytes_of_the_one_before() {
    if !is_allowed() {
        return;
    }
    on_compio(DriverType::IoUring, async move || {
        let (mut orders, mut client, socket) = stream();
        client.write_all(b"tea;cake").expect("the server");
        wait_for(b"tea;cake", &socket);
        let mut events = stream::iter(["tick"]);
        let mut seen = Vec::new();
        let buffer = Vec::with_capacity(ROOM);
        let BufResult(_, buffer) =
            naive::read_beside(&mut orders, buffer, &mut events, |it| seen.push(it))
                .await;
        assert_eq!((text(buffer), seen), ("cake".into(), vec!["tick"]));
    });
}

#[test]
fn a_dropped_read_beside_events_loses_bytes_and_no_event() {
    if !is_allowed() {
        return;
    }
    on_compio(DriverType::IoUring, async move || {
        let (mut orders, mut client, socket) = stream();
        client.write_all(b"tea;").expect("the server");
        wait_for(b"tea;", &socket);
        let (says, mut events) = futures::channel::mpsc::unbounded();
        let buffer = Vec::with_capacity(ROOM);
        let read = read_beside(&mut orders, buffer, &mut events, |_| ());
        assert!(after_polls(1, read).await.is_none());
        says.unbounded_send("tick").expect("somebody listens");
        drop(client);
        assert_eq!(rest(&mut orders).await, "");
        assert_eq!(events.next().await, Some("tick"));
    });
}

#[test]
fn compio_and_monoio_agree_with_the_system() {
    let file = fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let forbidden = file.is_ok_and(|it| it.trim() == "2");
    let kernel = by_the_kernel().expect("a runtime");
    assert_eq!(kernel, monoio::utils::detect_uring());
    assert!(!(forbidden && kernel), "2: for nobody");
}

/// Lets the other tasks of this thread run as often as they want to.
async fn turns() {
    for _ in 0..10 {
        let_others_run().await;
    }
}

#[test]
fn on_compio_a_dropped_handle_cancels_its_task_and_detach_keeps_it() {
    for driver in drivers() {
        on_compio(driver, async move || {
            let alive = Alive::default();
            let ended = Rc::new(RefCell::new(Vec::new()));
            let work = |name| {
                let (guard, ended) = (alive.guard(), Rc::clone(&ended));
                async move {
                    turns().await;
                    ended.borrow_mut().push(name);
                    drop(guard);
                }
            };
            drop(compio::runtime::spawn(work("dropped")));
            compio::runtime::spawn(work("detached")).detach();
            turns().await;
            turns().await;
            assert_eq!((&ended.borrow()[..], alive.count()), (&["detached"][..], 0));
        });
    }
}

#[test]
fn on_compio_a_panic_is_an_error_for_the_one_who_waits_and_for_nobody_else() {
    for driver in drivers() {
        let goes_on = on_compio(driver, async move || {
            compio::runtime::spawn(async { panic!("in a detached task") }).detach();
            let handle = compio::runtime::spawn(async { panic!("in a task") });
            let end: Result<(), JoinError> = handle.await;
            turns().await;
            matches!(end, Err(JoinError::Panicked(_)))
        });
        assert!(goes_on);
    }
}

#[test]
fn on_monoio_a_dropped_handle_keeps_its_task() {
    on_monoio(false, async || {
        let (says, hears) = futures::channel::oneshot::channel();
        drop(monoio::spawn(async move {
            let_others_run().await;
            says.send("ended")
        }));
        assert_eq!(hears.await, Ok("ended"));
    });
}

#[test]
fn on_monoio_a_panic_of_any_task_ends_block_on() {
    let words = words_of(|| {
        on_monoio(false, async || {
            drop(monoio::spawn(async { panic!("in a detached task") }));
            pending::<()>().await;
        });
    });
    assert_eq!(words, "in a detached task");
}

#[test]
fn on_monoio_a_task_that_wakes_itself_runs_before_all_others() {
    let turns = 10_000;
    let polls = on_monoio(false, async move || {
        let polls = Rc::new(Cell::new(0));
        let counts = Rc::clone(&polls);
        let busy = monoio::spawn(poll_fn(move |cx| {
            counts.set(counts.get() + 1);
            if counts.get() == turns {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        let other = monoio::spawn(async move { polls.get() });
        let polls = other.await;
        busy.await;
        polls
    });
    assert_eq!(polls, turns, "the other task began when the busy one had ended");
}

#[test]
fn with_its_feature_sync_another_thread_wakes_a_task_of_monoio() {
    let heard = on_monoio(false, async || {
        let (says, hears) = futures::channel::oneshot::channel();
        let task = monoio::spawn(hears);
        let_others_run().await;
        let thread = std::thread::spawn(move || says.send("done"));
        let message = task.await;
        thread.join().expect("no panic").expect("somebody listens");
        message
    });
    assert_eq!(heard, Ok("done"));
}
