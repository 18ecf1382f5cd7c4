use std::pin::pin;
use std::sync::mpsc;
use std::task::Context;
use std::{net, thread};

use backend::polls::let_others_run;
use backend::{Alive, MINUTE, on_a_thread};
use futures::channel::oneshot;
use futures::future::{Either, join_all, select};
use futures::poll;

use super::*;

/// Runs `main` on a thread of its own, so that a hang is a failure.
fn ends<T: Send + 'static, F: Future<Output = T>>(
    main: impl FnOnce(Spawner, Timers, Sockets) -> F + Send + 'static,
) -> T {
    on_a_thread(|| run(main).expect("a reactor"))
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Both ends of a connection.
async fn pair(sockets: &Sockets) -> (Stream, Stream) {
    let mut listener = sockets.listen(any_port()).unwrap();
    let client = sockets.connect(listener.address().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap())
}

async fn read_exactly(stream: &mut Stream, bytes: usize) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < bytes {
        let mut buffer = vec![0; bytes - all.len()];
        let read = stream.read(&mut buffer).await?;
        assert_ne!(read, 0, "the end");
        all.extend(&buffer[..read]);
    }
    Ok(all)
}

fn waiting(sockets: &Sockets) -> usize {
    lock(&sockets.waiting).wakers.len()
}

#[test]
fn a_connection_carries_bytes_both_ways_and_its_end() {
    ends(|_, _, sockets| async move {
        let (mut client, mut server) = pair(&sockets).await;
        client.write_all(b"ping").await.unwrap();
        assert_eq!(read_exactly(&mut server, 4).await.unwrap(), b"ping");
        server.write_all(b"pong").await.unwrap();
        assert_eq!(read_exactly(&mut client, 4).await.unwrap(), b"pong");
        drop(client);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    });
}

/// Answers each article number with itself.
async fn answer(mut stream: Stream) -> io::Result<()> {
    let mut article = [0];
    while stream.read(&mut article).await? == 1 {
        stream.write_all(&article).await?;
    }
    Ok(())
}

/// Answers all customers, each in a task, as long as the runtime runs.
fn serve(spawner: &Spawner, sockets: &Sockets) -> SocketAddr {
    let mut listener = sockets.listen(any_port()).unwrap();
    let address = listener.address().unwrap();
    let tasks = spawner.clone();
    drop(spawner.spawn(async move {
        while let Ok(stream) = listener.accept().await {
            drop(tasks.spawn(answer(stream)));
        }
    }));
    address
}

#[test]
fn a_silent_customer_holds_up_nobody() {
    ends(|spawner, _, sockets| async move {
        let address = serve(&spawner, &sockets);
        let silent = sockets.connect(address).await.unwrap();
        let mut customer = sockets.connect(address).await.unwrap();
        customer.write_all(&[7]).await.unwrap();
        assert_eq!(read_exactly(&mut customer, 1).await.unwrap(), [7]);
        drop(silent);
    });
}

#[test]
fn a_server_that_blocks_answers_when_the_silent_customer_has_gone() {
    let listener = net::TcpListener::bind(any_port()).unwrap();
    let address = listener.local_addr().unwrap();
    let (log, lines) = mpsc::channel();
    thread::spawn(move || {
        run(|spawner, _, _| async move {
            let accept = || listener.accept().unwrap().0;
            let tasks = ["silent", "customer"].map(|name| {
                let (stream, log) = (accept(), log.clone());
                spawner.spawn(async move {
                    naive::answer(stream).await.unwrap();
                    log.send(name).unwrap();
                })
            });
            join_all(tasks).await;
        })
    });
    let silent = net::TcpStream::connect(address).unwrap();
    let mut customer = net::TcpStream::connect(address).unwrap();
    customer.write_all(&[7]).unwrap();
    customer.shutdown(net::Shutdown::Write).unwrap();
    // The question is there, and so is its end. Only the silent one keeps the thread.
    drop(silent);
    let order = [lines.recv_timeout(MINUTE), lines.recv_timeout(MINUTE)];
    assert_eq!(order, [Ok("silent"), Ok("customer")]);
    let mut article = [0];
    customer.read_exact(&mut article).unwrap();
    assert_eq!(article, [7]);
}

#[test]
fn on_one_thread_the_customer_who_asks_is_done_before_the_silent_one() {
    let order = ends(|spawner, _, sockets| async move {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut listener = sockets.listen(any_port()).unwrap();
        let address = listener.address().unwrap();
        let silent = sockets.connect(address).await.unwrap();
        let mut customer = sockets.connect(address).await.unwrap();
        let mut tasks = Vec::new();
        for name in ["silent", "customer"] {
            let (stream, log) = (listener.accept().await.unwrap(), Arc::clone(&log));
            tasks.push(spawner.spawn(async move {
                answer(stream).await.unwrap();
                lock(&log).push(name);
            }));
        }
        customer.write_all(&[7]).await.unwrap();
        assert_eq!(read_exactly(&mut customer, 1).await.unwrap(), [7]);
        drop(customer);
        tasks.pop().unwrap().await.unwrap();
        drop(silent);
        tasks.pop().unwrap().await.unwrap();
        take(&mut *lock(&log))
    });
    assert_eq!(order, ["customer", "silent"]);
}

#[test]
fn a_hundred_connections_share_the_thread() {
    ends(|spawner, _, sockets| async move {
        let address = serve(&spawner, &sockets);
        let customers = (0..100).map(|article| {
            let sockets = sockets.clone();
            spawner.spawn(async move {
                let mut stream = sockets.connect(address).await.unwrap();
                stream.write_all(&[article]).await.unwrap();
                read_exactly(&mut stream, 1).await.unwrap()
            })
        });
        let answers = join_all(customers).await;
        assert!(answers.into_iter().zip(0..).all(|(answer, n)| answer.unwrap() == [n]));
    });
}

#[test]
fn a_write_waits_while_the_other_side_does_not_read() {
    ends(|spawner, _, sockets| async move {
        let (mut client, mut server) = pair(&sockets).await;
        let bytes = vec![7; 32 << 20]; // more than the buffers of the system hold
        let mut write = spawner.spawn(async move { client.write_all(&bytes).await });
        let mut buffer = vec![0; 1 << 16];
        let mut read = server.read(&mut buffer).await.unwrap();
        assert!(poll!(&mut write).is_pending());
        while read < 32 << 20 {
            read += server.read(&mut buffer).await.unwrap();
        }
        write.await.unwrap().unwrap();
        assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    let kind = ends(|_, _, sockets| async move {
        let address = sockets.listen(any_port()).unwrap().address().unwrap(); // and closed
        sockets.connect(address).await.err().map(|error| error.kind())
    });
    assert_eq!(kind, Some(ErrorKind::ConnectionRefused));
}

#[test]
fn an_address_in_use_is_an_error() {
    let kind = ends(|_, _, sockets| async move {
        let listener = sockets.listen(any_port()).unwrap();
        let address = listener.address().unwrap();
        sockets.listen(address).err().map(|error| error.kind())
    });
    assert_eq!(kind, Some(ErrorKind::AddrInUse));
}

#[test]
fn a_read_that_is_dropped_loses_no_byte() {
    ends(|_, _, sockets| async move {
        let (mut client, mut server) = pair(&sockets).await;
        let mut buffer = [0; 4];
        assert!(poll!(pin!(server.read(&mut buffer))).is_pending());
        client.write_all(b"ping").await.unwrap();
        assert_eq!(read_exactly(&mut server, 4).await.unwrap(), b"ping");
    });
}

#[test]
fn an_accept_that_is_dropped_loses_no_connection() {
    ends(|_, _, sockets| async move {
        let mut listener = sockets.listen(any_port()).unwrap();
        assert!(poll!(pin!(listener.accept())).is_pending());
        let _client = sockets.connect(listener.address().unwrap()).await.unwrap();
        listener.accept().await.unwrap();
    });
}

#[test]
fn a_socket_that_is_dropped_is_closed_and_leaves_no_waker() {
    ends(|_, _, sockets| async move {
        let (mut client, mut server) = pair(&sockets).await;
        assert!(poll!(pin!(server.read(&mut [0]))).is_pending());
        drop(server);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        drop(client);
        assert_eq!(waiting(&sockets), 0);
    });
}

#[test]
fn when_run_returns_tasks_that_wait_for_a_socket_are_dropped() {
    let alive = Alive::default();
    let guard = alive.guard();
    ends(|spawner, _, sockets| async move {
        let (_client, mut server) = pair(&sockets).await;
        let token = server.0.token;
        let _task = spawner.spawn(async move {
            let _guard = guard;
            server.read(&mut [0]).await
        });
        for _ in 0..10 {
            let_others_run().await; // so that the event of a new socket is over
        }
        assert!(lock(&sockets.waiting).wakers.contains_key(&token));
    });
    assert_eq!(alive.count(), 0);
}

#[test]
fn a_timer_fires_beside_sockets_that_are_silent() {
    ends(|_, timers, sockets| async move {
        let (_client, mut server) = pair(&sockets).await;
        let mut buffer = [0];
        let read = pin!(server.read(&mut buffer));
        let limit = timers.sleep(Duration::from_millis(1));
        assert!(matches!(select(read, limit).await, Either::Right(_)));
    });
}

#[test]
fn another_thread_ends_the_wait_for_sockets() {
    let end = ends(|_, _, sockets| async move {
        let (_client, mut server) = pair(&sockets).await;
        let mut buffer = [0];
        let read = pin!(server.read(&mut buffer));
        let (sender, end) = oneshot::channel();
        thread::spawn(move || sender.send(7));
        match select(read, end).await {
            Either::Left(_) => panic!("nobody has written"),
            Either::Right((end, _)) => end,
        }
    });
    assert_eq!(end, Ok(7));
}

#[test]
#[cfg(target_os = "linux")]
fn while_all_sockets_are_silent_the_thread_sleeps() {
    use crate::asleep::woken_when_its_thread_sleeps as woken;
    let awake = ends(|_, _, sockets| async move {
        let (_client, mut server) = pair(&sockets).await;
        let mut buffer = [0];
        let read = pin!(server.read(&mut buffer));
        matches!(select(read, pin!(woken())).await, Either::Right(_))
    });
    assert!(awake);
}

#[test]
fn a_task_that_is_always_ready_does_not_stop_sockets() {
    ends(|spawner, _, sockets| async move {
        let _busy = spawner.spawn(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let (mut client, mut server) = pair(&sockets).await;
        let task = spawner.spawn(async move { read_exactly(&mut server, 1).await });
        client.write_all(&[7]).await.unwrap();
        assert_eq!(task.await.unwrap().unwrap(), [7]);
    });
}

#[test]
fn a_connection_works_on_another_thread_than_the_reactor() {
    let bytes = ends(|_, _, sockets| async move {
        let (mut client, mut server) = pair(&sockets).await;
        let (sender, read) = oneshot::channel();
        thread::spawn(move || {
            let read = read_exactly(&mut server, 2);
            sender.send(futures::executor::block_on(read).unwrap())
        });
        client.write_all(&[7]).await.unwrap();
        client.write_all(&[8]).await.unwrap();
        read.await.unwrap()
    });
    assert_eq!(bytes, [7, 8]);
}

// What mio does, and the wrong code: by hand, on a reactor that nobody runs.

/// A reactor; a connection of it that has no event left; and its other end.
fn by_hand() -> (Reactor, Stream, net::TcpStream) {
    let reactor = Reactor::new().unwrap();
    let listener = net::TcpListener::bind(any_port()).unwrap();
    let client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.set_nonblocking(true).unwrap();
    let stream = TcpStream::from_std(client);
    let stream = Stream(Socket::new(&reactor.sockets, stream, BOTH).unwrap());
    assert!(wakes(&reactor, stream.0.token), "a new socket can be written to");
    (reactor, stream, server)
}

/// Tells whether it was called.
struct Called(Mutex<bool>);

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        *lock(&self.0) = true;
    }
}

fn called() -> (Arc<Called>, Waker) {
    let called = Arc::new(Called(Mutex::new(false)));
    (Arc::clone(&called), Waker::from(called))
}

/// Whether there is an event for `token` now.
fn wakes(reactor: &Reactor, token: Token) -> bool {
    let (called, waker) = called();
    lock(&reactor.sockets.waiting).wakers.insert(token, waker);
    reactor.wait(Some(Duration::ZERO));
    lock(&reactor.sockets.waiting).wakers.remove(&token);
    *lock(&called.0)
}

/// Waits until the bytes are there, without reading them.
fn arrive(stream: &Stream, bytes: usize) {
    let mut buffer = [0; 16];
    while stream.0.io.peek(&mut buffer).unwrap_or(0) < bytes {
        thread::yield_now();
    }
}

#[test]
fn there_is_one_event_for_two_bytes_also_if_one_is_left() {
    let (reactor, mut stream, mut server) = by_hand();
    server.write_all(&[7, 8]).unwrap();
    arrive(&stream, 2);
    assert!(wakes(&reactor, stream.0.token));
    assert_eq!(stream.0.io.read(&mut [0]).unwrap(), 1);
    assert!(!wakes(&reactor, stream.0.token), "one byte is there, and no event");
}

#[test]
fn new_bytes_are_a_new_event_also_if_old_ones_are_left() {
    let (reactor, stream, mut server) = by_hand();
    for bytes in 1..=3 {
        server.write_all(&[7]).unwrap();
        arrive(&stream, bytes);
        assert!(wakes(&reactor, stream.0.token));
        assert!(!wakes(&reactor, stream.0.token));
    }
}

/// Polls `read` until it is ready, or until it waits and the reactor has no event. Returns the polls.
fn polls_until_it_waits<T>(
    reactor: &Reactor,
    read: impl Future<Output = T>,
) -> Option<T> {
    let mut read = pin!(read);
    loop {
        let (called, waker) = called();
        if let Poll::Ready(read) = read.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return Some(read);
        }
        reactor.wait(Some(Duration::ZERO));
        if !*lock(&called.0) {
            return None;
        }
    }
}

#[test]
fn a_read_finds_the_byte_that_another_read_has_left() {
    let (reactor, mut stream, mut server) = by_hand();
    server.write_all(&[7, 8]).unwrap();
    arrive(&stream, 2);
    let (mut first, mut second) = ([0], [0]);
    let read = polls_until_it_waits(&reactor, stream.read(&mut first));
    assert_eq!(read.unwrap().unwrap(), 1);
    let read = polls_until_it_waits(&reactor, stream.read(&mut second));
    assert_eq!((read.unwrap().unwrap(), first, second), (1, [7], [8]));
}

#[test]
fn who_waits_before_each_read_waits_for_ever_beside_a_byte_that_is_there() {
    let (reactor, mut stream, mut server) = by_hand();
    server.write_all(&[7, 8]).unwrap();
    arrive(&stream, 2);
    let (mut first, mut second) = ([0], [0]);
    let read = naive::wait_and_read(&mut stream, &mut first);
    assert_eq!(polls_until_it_waits(&reactor, read).unwrap().unwrap(), 1);
    let read = naive::wait_and_read(&mut stream, &mut second);
    assert!(polls_until_it_waits(&reactor, read).is_none());
    arrive(&stream, 1); // it is there
}

/// Reads, and finds nothing; then a byte comes, and its event, before the caller can go on.
fn byte_after_the_look(
    reactor: &Reactor,
    mut server: net::TcpStream,
) -> impl FnMut(&mut TcpStream) -> io::Result<u8> + '_ {
    let mut looked = false;
    move |socket| {
        let mut byte = [0];
        let read = socket.read(&mut byte);
        if !looked {
            looked = true;
            server.write_all(&[7])?;
            while socket.peek(&mut [0]).is_err() {
                thread::yield_now();
            }
            reactor.wait(Some(Duration::ZERO)); // as the thread of the runtime would
        }
        read.map(|_| byte[0])
    }
}

#[test]
fn an_event_between_the_look_and_the_wait_is_not_lost() {
    let (reactor, mut stream, server) = by_hand();
    let mut look = byte_after_the_look(&reactor, server);
    let mut read = pin!(stream.0.retry(&mut look));
    let (called, waker) = called();
    let mut cx = Context::from_waker(&waker);
    assert!(read.as_mut().poll(&mut cx).is_pending());
    assert!(*lock(&called.0), "the task was woken");
    assert!(matches!(read.as_mut().poll(&mut cx), Poll::Ready(Ok(7))));
}

#[test]
fn if_the_waker_is_stored_after_the_look_an_event_between_wakes_nobody() {
    let (reactor, mut stream, server) = by_hand();
    let look = byte_after_the_look(&reactor, server);
    let mut read = pin!(naive::attempt_and_wait(&mut stream, look));
    let (called, waker) = called();
    assert!(read.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    reactor.wait(Some(Duration::ZERO));
    assert!(
        !*lock(&called.0),
        "nobody has woken the task, and no event comes any more"
    );
}

#[test]
fn connections_can_be_sent() {
    fn sent<T: Send + 'static>(_: &T) {}
    fn future_is_sent<T: Send>(_: T) {}
    let (reactor, mut stream, _server) = by_hand();
    sent(&reactor);
    sent(&stream);
    future_is_sent(stream.read(&mut [0]));
}
