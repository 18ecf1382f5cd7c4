//! Sockets for the runtime by hand: one call waits for all of them.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::mem::take;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Registry, Token};
use runtime_comparison::runtime_by_hand::{Spawner, lock};
use runtime_comparison::timer_by_hand::{Clock, Timers, run_on};

/// Events with this token come from the waker, and not from a socket.
const UNPARK: Token = Token(0);

// ANCHOR: reactor
/// Waits for all sockets at once. It is the clock of the system, with another `wait`.
struct Reactor {
    poll: Mutex<(mio::Poll, Events)>,
    unpark: Arc<Unpark>,
    sockets: Sockets,
}

impl Clock for Reactor {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, longest: Option<Duration>) {
        let (poll, events) = &mut *lock(&self.poll); // only this thread locks it
        match poll.poll(events, longest) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return, // a signal
            Err(error) => panic!("the system cannot wait for sockets: {error}"),
            Ok(()) => {}
        }
        for event in &*events {
            self.sockets.wake(event.token());
        }
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.unpark))
    }
}
// ANCHOR_END: reactor

// ANCHOR: unpark
struct Unpark(mio::Waker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        // An error: the wait of the reactor cannot be ended. Nobody can be told here.
        let _ = self.0.wake();
    }
}
// ANCHOR_END: unpark

// ANCHOR: sockets
/// Opens sockets, and knows for each of them who waits.
#[derive(Clone)]
pub struct Sockets {
    registry: Arc<Registry>, // tells the system which sockets to watch
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    wakers: HashMap<Token, Waker>,
    last_token: usize,
}

impl Sockets {
    fn wake(&self, token: Token) {
        let waker = lock(&self.waiting).wakers.remove(&token); // and unlocks
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
// ANCHOR_END: sockets

// ANCHOR: open
impl Sockets {
    /// Listens at `address`.
    ///
    /// # Errors
    /// What the system says, for example that the address is in use.
    pub fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        let socket = TcpListener::bind(address)?;
        Ok(Listener(Socket::new(self, socket, Interest::READABLE)?))
    }

    /// Connects to `address`.
    ///
    /// # Errors
    /// What the system says, for example that the connection was refused.
    ///
    /// # Cancel safety
    /// A drop closes the socket.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let socket = TcpStream::connect(address)?; // it dials, and does not wait
        let mut socket = Socket::new(self, socket, BOTH)?;
        let connected = socket.retry(|socket| {
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            match socket.peer_addr() {
                Err(error) if error.kind() == ErrorKind::NotConnected => {
                    Err(ErrorKind::WouldBlock.into()) // it still dials
                }
                address => address,
            }
        });
        connected.await?;
        Ok(Stream(socket))
    }
}

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
// ANCHOR_END: open

// ANCHOR: socket
/// A socket that the system watches.
struct Socket<S: Source> {
    io: S,
    token: Token,
    sockets: Sockets,
}

impl<S: Source> Socket<S> {
    /// Tries until the system does not say *not now*. Waits for an event between.
    async fn retry<T>(
        &mut self,
        mut attempt: impl FnMut(&mut S) -> io::Result<T>,
    ) -> io::Result<T> {
        poll_fn(|cx| {
            // ANCHOR: waker_then_attempt
            let waker = cx.waker().clone();
            let old = lock(&self.sockets.waiting).wakers.insert(self.token, waker);
            drop(old); // the lock is free here
            match attempt(&mut self.io) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
                result => Poll::Ready(result),
            }
            // ANCHOR_END: waker_then_attempt
        })
        .await
    }
}
// ANCHOR_END: socket

// ANCHOR: new_socket
impl<S: Source> Socket<S> {
    fn new(sockets: &Sockets, mut io: S, events: Interest) -> io::Result<Self> {
        let mut waiting = lock(&sockets.waiting);
        waiting.last_token += 1; // each token is used once; the first is 1
        let token = Token(waiting.last_token);
        drop(waiting); // unlocks
        sockets.registry.register(&mut io, token, events)?;
        Ok(Self { io, token, sockets: sockets.clone() })
    }
}

impl<S: Source> Drop for Socket<S> {
    fn drop(&mut self) {
        // Mio asks for it; Linux does it at the close. After an error, it is not
        // watched anyway.
        let _ = self.sockets.registry.deregister(&mut self.io);
        let waker = lock(&self.sockets.waiting).wakers.remove(&self.token);
        drop(waker); // the lock is free here
    }
}
// ANCHOR_END: new_socket

// ANCHOR: listener
/// Accepts connections; made by [`Sockets::listen`].
pub struct Listener(Socket<TcpListener>);

impl Listener {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// What the system says, for example that the process has too many open files.
    ///
    /// # Cancel safety
    /// A drop loses no connection.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        let (stream, _address) = self.0.retry(|socket| socket.accept()).await?;
        Ok(Stream(Socket::new(&self.0.sockets, stream, BOTH)?))
    }

    /// The address at which it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.io.local_addr()
    }
}
// ANCHOR_END: listener

// ANCHOR: stream
/// A connection.
pub struct Stream(Socket<TcpStream>);

impl Stream {
    /// Reads what has come, at least one byte. Returns 0 at the end.
    ///
    /// # Errors
    /// What the system says, for example that the connection was reset.
    ///
    /// # Cancel safety
    /// A drop loses no byte.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // ANCHOR: try_at_once
        // ANCHOR: read_at_once
        self.0.retry(|socket| socket.read(buffer)).await
        // ANCHOR_END: read_at_once
        // ANCHOR_END: try_at_once
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// What the system says, for example that the other side is gone.
    ///
    /// # Cancel safety
    /// After a drop, nobody knows how many bytes were written.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.0.retry(|socket| socket.write(bytes)).await?;
            if written == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }
}
// ANCHOR_END: stream

// ANCHOR: run
/// Polls the future of `main` and its tasks, with timers and sockets, until that future
/// is ready. Tasks that wait are then dropped.
///
/// # Errors
/// What the system says, if it gives no way to wait for sockets.
///
/// # Panics
/// If the future of `main` panics, or the system cannot wait.
pub fn run<F: Future>(
    main: impl FnOnce(Spawner, Timers, Sockets) -> F,
) -> io::Result<F::Output> {
    let reactor = Reactor::new()?;
    let sockets = reactor.sockets.clone();
    let main = |spawner, timers| main(spawner, timers, sockets.clone());
    let _end = End(&sockets);
    Ok(run_on(Arc::new(reactor), main))
}
// ANCHOR_END: run

// ANCHOR: new_reactor
impl Reactor {
    fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let unpark = Arc::new(Unpark(mio::Waker::new(poll.registry(), UNPARK)?));
        let registry = Arc::new(poll.registry().try_clone()?);
        let sockets = Sockets { registry, waiting: Arc::default() };
        let events = Events::with_capacity(256); // in one wait; the others in the next
        Ok(Self { poll: Mutex::new((poll, events)), unpark, sockets })
    }
}

/// Drops the tasks that wait when the runtime ends.
struct End<'a>(&'a Sockets);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let wakers = take(&mut lock(&self.0.waiting).wakers); // and unlocks
        drop(wakers);
    }
}
// ANCHOR_END: new_reactor

/// What most code starts with, kept to be measured against.
pub mod naive {
    use std::net;

    use super::*;

    /// Wrong: it keeps the thread while a customer says nothing.
    ///
    /// # Errors
    /// What the system says.
    #[expect(clippy::unused_async, reason = "no `await` is what is wrong with it")]
    pub async fn answer(mut stream: net::TcpStream) -> io::Result<()> {
        // ANCHOR: blocks
        let mut article = [0];
        while stream.read(&mut article)? == 1 {
            stream.write_all(&article)?;
        }
        // ANCHOR_END: blocks
        Ok(())
    }

    /// Wrong: waits for an event although bytes are there.
    ///
    /// # Errors
    /// What the system says.
    pub async fn wait_and_read(
        stream: &mut Stream,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        // ANCHOR: wait_and_read
        stream.event().await;
        stream.0.io.read(buffer)
        // ANCHOR_END: wait_and_read
    }

    impl Stream {
        /// Waits for the next event.
        async fn event(&self) {
            let mut waits = false;
            poll_fn(|cx| {
                let mut waiting = lock(&self.0.sockets.waiting);
                if waits && !waiting.wakers.contains_key(&self.0.token) {
                    return Poll::Ready(());
                }
                waits = true;
                waiting.wakers.insert(self.0.token, cx.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }

    /// Wrong: an event between the attempt and the waker wakes nobody.
    ///
    /// # Errors
    /// What the system says.
    pub async fn attempt_and_wait<T>(
        stream: &mut Stream,
        mut attempt: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        let Socket { io, token, sockets } = &mut stream.0;
        poll_fn(|cx| {
            // ANCHOR: attempt_then_waker
            match attempt(io) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let waker = cx.waker().clone();
                    lock(&sockets.waiting).wakers.insert(*token, waker);
                    Poll::Pending
                }
                result => Poll::Ready(result),
            }
            // ANCHOR_END: attempt_then_waker
        })
        .await
    }
}

#[cfg(test)]
mod tests;
