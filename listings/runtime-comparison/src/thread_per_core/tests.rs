use std::cell::Cell;
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use backend::{Alive, MINUTE, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::*;

/// A runtime that accepts connections.
fn acceptor() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A client that blocks, and waits for an answer for a minute at most.
fn connect(address: SocketAddr) -> Socket {
    let client = Socket::connect(address).expect("the server");
    client.set_read_timeout(Some(MINUTE)).expect("a socket");
    client
}

/// A connection: the end of the client, and that of the server.
async fn accept(listener: &TcpListener, address: SocketAddr) -> (Socket, TcpStream) {
    let client = thread::spawn(move || connect(address));
    let (stream, _) = soon(listener.accept()).await.expect("a client");
    (client.join().expect("no panic"), stream)
}

/// Sends a byte, and returns the answer, which is one too.
fn ask(client: &mut Socket, question: u8) -> u8 {
    client.write_all(&[question]).expect("the server");
    answer(client)
}

fn answer(client: &mut Socket) -> u8 {
    let mut answer = [0];
    client.read_exact(&mut answer).expect("an answer");
    answer[0]
}

/// Answers each byte by how many bytes this thread has had.
async fn count(mut stream: TcpStream, had: Rc<Cell<u8>>) {
    while stream.read_u8().await.is_ok() {
        had.set(had.get() + 1);
        if stream.write_u8(had.get()).await.is_err() {
            return;
        }
    }
}

/// Threads that count, each for itself.
fn counters(threads: usize) -> PerCore<Socket> {
    let start = |_, sockets| {
        let had = Rc::new(Cell::new(0));
        serve(sockets, move |stream| count(stream, Rc::clone(&had)))
    };
    PerCore::start(threads, 4, start).expect("threads")
}

#[test]
fn the_connections_of_a_thread_share_its_state_without_a_lock() {
    let cores = counters(2);
    let mut clients = acceptor().block_on(async {
        let (listener, address) = listener().await;
        let mut clients = Vec::new();
        for key in [0, 1, 2] {
            let (client, stream) = accept(&listener, address).await;
            soon(hand_over(&cores, key, stream)).await.expect("its thread");
            clients.push(client);
        }
        clients
    });
    let [first, second, third] = &mut clients[..] else { panic!("three") };
    assert_eq!(ask(first, 0), 1);
    assert_eq!(ask(first, 0), 2);
    assert_eq!(ask(third, 0), 3, "the thread of the first");
    assert_eq!(ask(second, 0), 1, "another thread");
    drop(clients);
    cores.stop().expect("no panic");
}

/// Says on which thread each byte of it is answered.
async fn tell(mut stream: TcpStream, says: mpsc::Sender<ThreadId>) {
    while stream.read_u8().await.is_ok() {
        says.send(thread::current().id()).expect("the test listens");
        if stream.write_u8(0).await.is_err() {
            return;
        }
    }
}

#[test]
fn a_connection_stays_on_the_thread_of_its_key() {
    let (says, hears) = mpsc::channel();
    let start = move |_, sockets| {
        let says = says.clone();
        serve(sockets, move |stream| tell(stream, says.clone()))
    };
    let cores = PerCore::start(3, 1, start).expect("threads");
    let mut clients = acceptor().block_on(async {
        let (listener, address) = listener().await;
        let mut clients = Vec::new();
        for key in [0, 1, 2] {
            let (client, stream) = accept(&listener, address).await;
            soon(hand_over(&cores, key, stream)).await.expect("its thread");
            clients.push(client);
        }
        clients
    });
    let mut threads = HashSet::new();
    for client in &mut clients {
        for _ in 0..10 {
            ask(client, 0);
        }
        let seen: HashSet<_> = hears.try_iter().collect();
        assert_eq!(seen.len(), 1, "one thread for all of a connection");
        threads.extend(seen);
    }
    assert_eq!(threads.len(), 3, "and one for each key");
    drop(clients);
    cores.stop().expect("no panic");
}

#[test]
fn a_handed_over_socket_needs_the_runtime_that_accepted_it_no_more() {
    let cores = counters(1);
    let mut client = acceptor().block_on(async {
        let (listener, address) = listener().await;
        let (client, stream) = accept(&listener, address).await;
        soon(hand_over(&cores, 0, stream)).await.expect("its thread");
        client
    });
    assert_eq!(ask(&mut client, 0), 1, "the runtime is gone");
    drop(client);
    cores.stop().expect("no panic");
}

#[test]
fn a_stream_that_is_handed_over_waits_for_the_runtime_that_accepted_it() {
    let (reads, read) = mpsc::channel();
    let start = move |_, mut streams: Receiver<TcpStream>| {
        let reads = reads.clone();
        async move {
            let mut stream = streams.recv().await.expect("a stream");
            let mut first = Box::pin(stream.read_u8());
            assert!(backend::cancel::after_polls(1, first.as_mut()).await.is_none());
            reads.send(()).expect("the test listens");
            let question = first.await.expect("a question");
            stream.write_u8(question).await.expect("the client");
        }
    };
    let cores = PerCore::start(1, 1, start).expect("a thread");
    let (says, blocked) = mpsc::channel();
    let (go_on, waits) = mpsc::channel::<()>();
    let acceptor = thread::spawn(move || {
        acceptor().block_on(async {
            let (listener, address) = listener().await;
            let (client, stream) = accept(&listener, address).await;
            soon(naive::hand_over(&cores, 0, stream)).await.expect("its thread");
            says.send(client).expect("the test listens");
            let _ = waits.recv_timeout(MINUTE); // blocks the runtime
            tokio::task::spawn_blocking(|| cores.stop()).await
        })
    });
    let mut client = blocked.recv_timeout(MINUTE).expect("a client");
    read.recv_timeout(MINUTE).expect("its thread waits for a byte");
    client.write_all(&[7]).expect("the server");
    client.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
    let mut nothing = [0];
    let no_answer = client.read(&mut nothing).expect_err("nobody waits for the byte");
    assert!(matches!(no_answer.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    client.set_read_timeout(Some(MINUTE)).expect("a socket");
    drop(go_on);
    assert_eq!(answer(&mut client), 7);
    drop(client);
    acceptor.join().expect("no panic").expect("no panic").expect("no panic");
}

/// Blocks its thread for each byte 1, until somebody lets it go on. Answers others at once.
async fn block(
    mut stream: TcpStream,
    blocks: mpsc::Sender<()>,
    go_on: std::sync::Arc<std::sync::Mutex<mpsc::Receiver<()>>>,
) {
    while let Ok(question) = stream.read_u8().await {
        if question == 1 {
            blocks.send(()).expect("the test listens");
            let go_on = go_on.lock().expect("no panic");
            let _ = go_on.recv_timeout(MINUTE);
        }
        if stream.write_u8(question).await.is_err() {
            return;
        }
    }
}

#[test]
fn one_busy_connection_holds_up_those_of_its_thread_and_no_other() {
    let (blocks, blocked) = mpsc::channel();
    let (let_go, go_on) = mpsc::channel();
    let go_on = std::sync::Arc::new(std::sync::Mutex::new(go_on));
    let start = move |_, sockets| {
        let (blocks, go_on) = (blocks.clone(), go_on.clone());
        serve(sockets, move |stream| block(stream, blocks.clone(), go_on.clone()))
    };
    let cores = PerCore::start(2, 4, start).expect("threads");
    let mut clients = acceptor().block_on(async {
        let (listener, address) = listener().await;
        let mut clients = Vec::new();
        for key in [0, 1, 2] {
            let (client, stream) = accept(&listener, address).await;
            soon(hand_over(&cores, key, stream)).await.expect("its thread");
            clients.push(client);
        }
        clients
    });
    let [busy, other, neighbour] = &mut clients[..] else { panic!("three") };
    busy.write_all(&[1]).expect("the server");
    blocked.recv_timeout(MINUTE).expect("it blocks its thread");
    neighbour.write_all(&[2]).expect("the server");
    for _ in 0..100 {
        assert_eq!(ask(other, 3), 3, "the other thread has time");
    }
    neighbour.set_nonblocking(true).expect("a socket");
    let nothing = neighbour.read(&mut [0]).expect_err("nobody has answered");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    neighbour.set_nonblocking(false).expect("a socket");
    let_go.send(()).expect("it waits");
    assert_eq!((answer(busy), answer(neighbour)), (1, 2));
    drop(clients);
    cores.stop().expect("no panic");
}

#[test]
fn a_panic_ends_one_connection_and_not_its_thread() {
    let start = |_, sockets| {
        serve(sockets, |mut stream: TcpStream| async move {
            while let Ok(question) = stream.read_u8().await {
                assert_ne!(question, 1, "this question panics");
                let _ = stream.write_u8(question).await;
            }
        })
    };
    let cores = PerCore::start(1, 4, start).expect("a thread");
    let (mut wrong, mut right) = acceptor().block_on(async {
        let (listener, address) = listener().await;
        let (wrong, stream) = accept(&listener, address).await;
        soon(hand_over(&cores, 0, stream)).await.expect("its thread");
        let (right, stream) = accept(&listener, address).await;
        soon(hand_over(&cores, 0, stream)).await.expect("its thread");
        (wrong, right)
    });
    wrong.write_all(&[1]).expect("the server");
    assert_eq!(wrong.read(&mut [0]).expect("a closed connection"), 0);
    assert_eq!(ask(&mut right, 2), 2);
    drop((wrong, right));
    cores.stop().expect("no panic");
}

#[test]
fn serve_ends_after_the_last_connection() {
    let (sender, sockets) = tokio::sync::mpsc::channel(4);
    let alive = Alive::default();
    let local = tokio::runtime::LocalRuntime::new().expect("a runtime");
    local.block_on(async {
        let (listener, address) = listener().await;
        let (mut first, stream) = accept(&listener, address).await;
        sender.send(stream.into_std().expect("a socket")).await.expect("it listens");
        let (second, stream) = accept(&listener, address).await;
        sender.send(stream.into_std().expect("a socket")).await.expect("it listens");
        let handle = |mut stream: TcpStream| {
            let guard = alive.guard();
            async move {
                let _ = stream.read_u8().await;
                drop(guard);
            }
        };
        let serves = serve(sockets, handle);
        let ends = async {
            while alive.count() < 2 {
                tokio::task::yield_now().await;
            }
            first.write_all(&[0]).expect("the server");
            while alive.count() > 1 {
                tokio::task::yield_now().await;
            }
            drop(sender);
            tokio::task::yield_now().await;
            assert_eq!(alive.count(), 1, "it waits for the other one");
            drop(second);
        };
        soon(futures::future::join(serves, ends)).await;
        assert_eq!(alive.count(), 0);
    });
}

#[test]
fn serve_keeps_nothing_of_a_connection_that_has_ended() {
    let (sender, sockets) = tokio::sync::mpsc::channel(4);
    let alive = Alive::default();
    let local = tokio::runtime::LocalRuntime::new().expect("a runtime");
    local.block_on(async {
        let (listener, address) = listener().await;
        let (_client, stream) = accept(&listener, address).await;
        sender.send(stream.into_std().expect("a socket")).await.expect("it listens");
        // What a task gave, its panic too, is kept until somebody asks for it.
        let handle = |_| {
            let guard = alive.guard();
            async move { std::panic::panic_any(guard) }
        };
        let ends = async {
            while alive.count() == 0 {
                tokio::task::yield_now().await;
            }
            while alive.count() == 1 {
                tokio::task::yield_now().await;
            }
            drop(sender);
        };
        soon(futures::future::join(serve(sockets, handle), ends)).await;
    });
}

#[test]
fn who_drops_serve_closes_its_connections_and_those_in_the_queue() {
    let (sender, sockets) = tokio::sync::mpsc::channel(4);
    let local = tokio::runtime::LocalRuntime::new().expect("a runtime");
    let (mut served, mut queued) = local.block_on(async {
        let (listener, address) = listener().await;
        let (served, stream) = accept(&listener, address).await;
        sender.send(stream.into_std().expect("a socket")).await.expect("it listens");
        let mut serving =
            Box::pin(serve(sockets, |stream| count(stream, Rc::default())));
        assert!(backend::cancel::after_polls(1, serving.as_mut()).await.is_none());
        let (queued, stream) = accept(&listener, address).await;
        sender.send(stream.into_std().expect("a socket")).await.expect("it listens");
        drop(serving);
        tokio::task::yield_now().await;
        (served, queued)
    });
    assert_eq!(served.read(&mut [0]).expect("closed"), 0);
    assert_eq!(queued.read(&mut [0]).expect("closed"), 0);
}

#[test]
fn a_thread_that_has_ended_gets_no_connection_and_the_client_sees_the_end() {
    let (says, ended) = mpsc::channel();
    let start = move |_, sockets: Receiver<Socket>| {
        let says = says.clone();
        async move {
            drop(sockets);
            says.send(()).expect("the test listens");
        }
    };
    let cores = PerCore::start(1, 1, start).expect("a thread");
    ended.recv_timeout(MINUTE).expect("it ends");
    let mut client = acceptor().block_on(async {
        let (listener, address) = listener().await;
        let (client, stream) = accept(&listener, address).await;
        let error = hand_over(&cores, 0, stream).await.expect_err("nobody is there");
        assert!(matches!(error, NotServed::Ended));
        client
    });
    assert_eq!(client.read(&mut [0]).expect("closed"), 0);
    cores.stop().expect("no panic");
}

#[test]
fn a_full_queue_makes_the_acceptor_wait_and_a_drop_closes_the_connection() {
    let (says, ended) = mpsc::channel::<()>();
    let waits = std::sync::Arc::new(std::sync::Mutex::new(ended));
    let start = move |_, sockets: Receiver<Socket>| {
        let waits = waits.clone();
        async move {
            let _ = waits.lock().expect("no panic").recv_timeout(MINUTE);
            drop(sockets);
        }
    };
    let cores = PerCore::start(1, 1, start).expect("a thread");
    let mut clients = acceptor().block_on(async {
        let (listener, address) = listener().await;
        let (first, stream) = accept(&listener, address).await;
        hand_over(&cores, 0, stream).await.expect("there is room for one");
        let (second, stream) = accept(&listener, address).await;
        let waiting = hand_over(&cores, 0, stream);
        assert!(backend::cancel::after_polls(1, waiting).await.is_none());
        [first, second]
    });
    assert_eq!(clients[1].read(&mut [0]).expect("closed"), 0);
    clients[0].set_nonblocking(true).expect("a socket");
    let open = clients[0].read(&mut [0]).expect_err("it is in the queue");
    assert_eq!(open.kind(), ErrorKind::WouldBlock);
    drop(says);
    cores.stop().expect("no panic");
}

#[cfg(unix)]
#[test]
fn the_system_deals_the_connections_of_a_shared_port_out() {
    acceptor().block_on(async {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let first = listen_on_shared_port(any).expect("a port");
        let address = first.local_addr().expect("an address");
        let second = listen_on_shared_port(address).expect("the same port");
        let mut clients = Vec::new();
        let mut dealt = [0, 0];
        // Each goes to either with the same chance, by its port.
        while dealt.contains(&0) && clients.len() < 1_000 {
            clients.push(thread::spawn(move || connect(address)));
            select! {
                accepted = first.accept() => dealt[0] += usize::from(accepted.is_ok()),
                accepted = second.accept() => dealt[1] += usize::from(accepted.is_ok()),
                () = tokio::time::sleep(MINUTE) => panic!("nobody gets it"),
            }
        }
        assert!(!dealt.contains(&0), "{dealt:?}");
    });
}

#[cfg(unix)]
#[test]
fn a_port_is_shared_only_if_all_its_listeners_say_so() {
    acceptor().block_on(async {
        let (_alone, address) = listener().await;
        let refused = listen_on_shared_port(address).expect_err("it is not shared");
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    });
}

#[cfg(unix)]
#[test]
fn a_shared_port_may_be_one_of_ipv6() {
    let six = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    if let Err(error) = std::net::TcpListener::bind(six) {
        println!("skipped: this system has no IPv6: {error}");
        return;
    }
    acceptor().block_on(async {
        let shared = listen_on_shared_port(six).expect("a port");
        assert!(shared.local_addr().expect("an address").is_ipv6());
    });
}
