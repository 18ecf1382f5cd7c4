//! An HTTP server that stops: axum, with a limit that begins at the stop.

use std::convert::Infallible;
use std::future::Future; // only edition 2021 needs this line
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use futures::{Stream, StreamExt};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use select_and_timeout::server_that_stops::accept_all;
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

// ANCHOR: ended
/// How a server has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// All connections have ended by themselves.
    InTime,
    /// Some connections were still open at the end of the grace time.
    CutOff,
}
// ANCHOR_END: ended

/// Serves `app` until `stop` is cancelled, and then waits for its connections, for `grace`
/// at most. Connections that are left then are still tasks of the runtime: end the runtime.
///
/// # Errors
/// What axum says. Its version 0.8 never fails here.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, nobody accepts any more. The connections that were accepted go on
/// until `stop` is cancelled, and answer more requests.
// ANCHOR: serve_until
pub async fn serve_until(
    listener: TcpListener,
    app: Router,
    stop: CancellationToken,
    grace: Duration,
) -> io::Result<Ended> {
    // ANCHOR: limit_from_the_stop
    let server = axum::serve(listener, app)
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    let limit = async {
        stop.cancelled().await; // maybe in a week
        sleep(grace).await;
    };
    select! {
        biased; // a server that has ended in time goes first
        result = server => result.map(|()| Ended::InTime),
        () = limit => Ok(Ended::CutOff),
    }
    // ANCHOR_END: limit_from_the_stop
}
// ANCHOR_END: serve_until

/// Serves `app` until `stop` is cancelled. Then it waits for its connections, for `grace` at
/// most, and drops those that are left, with their handlers. Gives how many it dropped.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, all connections are dropped too, also in the middle of an answer.
// ANCHOR: serve_and_cut
pub async fn serve_and_cut(
    listener: TcpListener,
    app: Router,
    stop: CancellationToken,
    grace: Duration,
) -> usize {
    let (connections, kill) = (TaskTracker::new(), CancellationToken::new());
    let cut = Arc::new(AtomicUsize::new(0));
    let killed_with_this = kill.clone().drop_guard();

    let start = |stream| {
        let talk = converse(stream, app.clone(), stop.clone());
        let (kill, cut) = (kill.clone(), Arc::clone(&cut));
        connections.spawn(async move {
            if kill.run_until_cancelled(talk).await.is_none() {
                cut.fetch_add(1, Ordering::Relaxed);
            }
        });
    };
    stop.run_until_cancelled(accept_all(listener, start)).await;
    connections.close();
    let _in_time = timeout(grace, connections.wait()).await;
    drop(killed_with_this); // now the connections that are left are dropped
    connections.wait().await;
    cut.load(Ordering::Relaxed)
}
// ANCHOR_END: serve_and_cut

// ANCHOR: converse
/// One connection: answers its requests, and after `stop` only the one that has begun.
async fn converse(stream: TcpStream, app: Router, stop: CancellationToken) {
    let builder = Builder::new(TokioExecutor::new());
    let (stream, app) = (TokioIo::new(stream), TowerToHyperService::new(app));
    let mut talk = pin!(builder.serve_connection_with_upgrades(stream, app));
    let ended = select! {
        ended = talk.as_mut() => Some(ended),
        () = stop.cancelled() => None,
    };
    if ended.is_none() {
        talk.as_mut().graceful_shutdown();
        let _broken = talk.await; // the client went away: nobody to tell
    }
}
// ANCHOR_END: converse

// ANCHOR: phase
/// Where a server is on its way to the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// It answers, and wants new clients.
    Running,
    /// It answers, and wants no new clients.
    NotReady,
    /// It does not accept, and ends what it has begun.
    Draining,
}

/// The answer of the route that the load balancer asks.
pub fn ready(
    State(phase): State<watch::Receiver<Phase>>,
) -> impl Future<Output = StatusCode> {
    let status = match *phase.borrow() {
        Phase::Running => StatusCode::OK,
        Phase::NotReady | Phase::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    async move { status } // axum wants a future
}
// ANCHOR_END: phase

/// Says *not ready*, waits for `notice`, and then cancels `stop`.
///
/// # Cancel safety
/// If you drop this while it waits, the server stays *not ready*, and is not stopped. Call
/// it again.
// ANCHOR: step_down
pub async fn step_down(
    phase: &watch::Sender<Phase>,
    notice: Duration,
    stop: &CancellationToken,
) {
    phase.send_replace(Phase::NotReady);
    sleep(notice).await; // the load balancer takes this server from its list
    phase.send_replace(Phase::Draining);
    stop.cancel();
}
// ANCHOR_END: step_down

/// Waits for the next price, and gives it; 503 if the server stops before.
///
/// # Errors
/// The server stops, or nobody will send a price any more.
///
/// # Cancel safety
/// If you drop this, nothing has changed.
pub async fn next_price(
    mut prices: watch::Receiver<u32>,
    stop: CancellationToken,
) -> Result<String, StatusCode> {
    // ANCHOR: wait_for_the_stop_too
    let changed = stop.run_until_cancelled(prices.changed()).await;
    match changed {
        Some(Ok(())) => Ok(prices.borrow().to_string()),
        // The server stops, or nobody will send a price any more.
        None | Some(Err(_)) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
    // ANCHOR_END: wait_for_the_stop_too
}

/// A body that gives each part of `parts`, and ends at the stop.
// ANCHOR: body_until
pub fn body_until<S>(parts: S, stop: CancellationToken) -> Body
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let parts = parts.take_until(stop.cancelled_owned());
    Body::from_stream(parts.map(Ok::<_, Infallible>))
}
// ANCHOR_END: body_until

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: one client that is stuck keeps the server waiting for ever.
    ///
    /// # Errors
    /// What axum says. Its version 0.8 never fails here.
    pub async fn no_limit(
        listener: TcpListener,
        app: Router,
        stop: CancellationToken,
    ) -> io::Result<()> {
        // ANCHOR: no_limit
        axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
        // ANCHOR_END: no_limit
    }

    /// Wrong: the limit begins at the start of the server.
    ///
    /// # Errors
    /// What axum says. Its version 0.8 never fails here.
    pub async fn limit_from_the_start(
        listener: TcpListener,
        app: Router,
        stop: CancellationToken,
        grace: Duration,
    ) -> io::Result<Ended> {
        // ANCHOR: limit_from_the_start
        let server = axum::serve(listener, app)
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        match timeout(grace, server).await {
            Ok(result) => result.map(|()| Ended::InTime),
            Err(_elapsed) => Ok(Ended::CutOff),
        }
        // ANCHOR_END: limit_from_the_start
    }

    /// Wrong: while no price changes, this waits for ever, and so does the server.
    ///
    /// # Errors
    /// Nobody will send a price any more.
    pub async fn next_price(
        mut prices: watch::Receiver<u32>,
    ) -> Result<String, StatusCode> {
        // ANCHOR: wait_for_ever
        let changed = prices.changed().await;
        match changed {
            Ok(()) => Ok(prices.borrow().to_string()),
            // Nobody will send a price any more.
            Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
        }
        // ANCHOR_END: wait_for_ever
    }
}

#[cfg(test)]
mod tests;
