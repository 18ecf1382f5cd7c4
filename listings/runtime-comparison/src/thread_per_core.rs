//! A server with one runtime for each core: each connection stays on one thread.

use std::future::Future;
use std::io;

use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use runtime_comparison::not_send::PerCore;

// ANCHOR: hand_over
/// A socket that belongs to no runtime.
pub type Socket = std::net::TcpStream;

/// Why a thread did not get a connection. The connection is closed.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// The socket could not leave its runtime.
    #[error("the socket stays in its runtime")]
    Stays(#[from] io::Error),
    /// The thread has ended.
    #[error("its thread has ended")]
    Ended,
}

/// Gives `stream` to the thread of `key`. Waits while its queue is full.
///
/// # Errors
/// The socket or the thread is gone.
///
/// # Cancel safety
/// If you drop this while it waits, the connection is closed.
pub async fn hand_over(
    cores: &PerCore<Socket>,
    key: usize,
    stream: TcpStream,
) -> Result<(), NotServed> {
    let socket = stream.into_std()?; // leaves the runtime that accepted it
    cores.send(key, socket).await.map_err(|_| NotServed::Ended)
}
// ANCHOR_END: hand_over

/// Starts a task on this thread for each socket that comes. Ends when no more can come and
/// all tasks have ended.
///
/// # Panics
/// Outside a local runtime.
///
/// # Cancel safety
/// If you drop this, all its connections are closed, and those in the queue too.
// ANCHOR: serve
pub async fn serve<F>(mut sockets: Receiver<Socket>, handle: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + 'static, // no `Send`: it stays here
{
    let mut connections = JoinSet::new();
    loop {
        select! {
            socket = sockets.recv() => {
                let Some(socket) = socket else { break };
                match TcpStream::from_std(socket) {
                    Ok(stream) => { connections.spawn_local(handle(stream)); }
                    Err(error) => eprintln!("lost a socket: {error}"), // at work: log
                }
            }
            Some(_) = connections.join_next() => {} // frees what has ended
        }
    }
    while connections.join_next().await.is_some() {}
}
// ANCHOR_END: serve

/// A listener on a port that it shares with other listeners of this user. The system deals
/// the connections out.
///
/// # Errors
/// The port belongs to somebody who does not share it.
///
/// # Panics
/// Outside a Tokio runtime.
// ANCHOR: shared
#[cfg(unix)]
pub fn listen_on_shared_port(
    address: std::net::SocketAddr,
) -> io::Result<tokio::net::TcpListener> {
    let socket = if address.is_ipv4() {
        tokio::net::TcpSocket::new_v4()?
    } else {
        tokio::net::TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?; // the port of a server that has just stopped
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}
// ANCHOR_END: shared

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: the runtime that accepted the stream still waits for its bytes.
    ///
    /// # Errors
    /// The thread is gone.
    ///
    /// # Cancel safety
    /// If you drop this while it waits, the connection is closed.
    // ANCHOR: still_bound
    pub async fn hand_over(
        cores: &PerCore<TcpStream>,
        key: usize,
        stream: TcpStream,
    ) -> Result<(), NotServed> {
        cores.send(key, stream).await.map_err(|_| NotServed::Ended)
    }
    // ANCHOR_END: still_bound
}

#[cfg(test)]
mod tests;
