//! A real HTTP server on 127.0.0.1, on a free port, in real time.
//!
//! Support: no page shows this file.
//!
//! It never sleeps: a reply comes at once, or when enough requests have come together, or never; a test
//! waits for what the server has seen with [`HttpServer::until`].

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use bytes::Bytes;
use futures::stream;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Load;

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// The script of a server: what each path answers.
#[derive(Debug, Default)]
pub struct HttpSite {
    scripts: HashMap<String, Script>,
}

#[derive(Debug)]
struct Script {
    replies: Vec<HttpReply>,
    requests: usize,
}

/// What the server answers to one request.
#[derive(Clone, Debug)]
pub struct HttpReply {
    status: u16,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
    head: When,
    rest: When,
    breaks_off: bool,
}

#[derive(Clone, Debug)]
enum When {
    AtOnce,
    Together(Arc<Barrier>),
    Never,
}

impl When {
    async fn wait(self) {
        match self {
            Self::AtOnce => {}
            Self::Together(barrier) => {
                barrier.wait().await;
            }
            Self::Never => std::future::pending().await,
        }
    }
}

impl HttpReply {
    /// 200 with this body.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self::status(200, body)
    }

    /// This status, with this body.
    pub fn status(status: u16, body: impl Into<Bytes>) -> Self {
        let (head, rest) = (When::AtOnce, When::AtOnce);
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            head,
            rest,
            breaks_off: false,
        }
    }

    /// 302, and go on at `location`: a path of this server, or a URL.
    pub fn redirect(location: &str) -> Self {
        let mut reply = Self::status(302, "");
        reply.headers.push((header::LOCATION, location.to_owned()));
        reply
    }

    /// Nothing: the connection stays open and silent until the client goes away.
    pub fn hang() -> Self {
        Self { head: When::Never, ..Self::ok("") }
    }

    /// Adds `Retry-After`, in seconds or as an HTTP date.
    #[must_use]
    pub fn retry_after(mut self, value: &str) -> Self {
        self.headers.push((header::RETRY_AFTER, value.to_owned()));
        self
    }

    /// Answers only when `count` requests with this reply (or a clone of it) wait at the same time:
    /// proof that so many were in flight together, without a sleep.
    #[must_use]
    pub fn together(mut self, count: usize) -> Self {
        self.head = When::Together(Arc::new(Barrier::new(count)));
        self
    }

    /// Sends the head at once, and the body only when `count` bodies are wanted at the same time.
    #[must_use]
    pub fn bodies_together(mut self, count: usize) -> Self {
        self.rest = When::Together(Arc::new(Barrier::new(count)));
        self
    }

    /// Sends the head at once, and the body never.
    #[must_use]
    pub fn body_hangs(mut self) -> Self {
        self.rest = When::Never;
        self
    }

    /// Sends the head and the body, and then closes the connection as if more were to come: the client
    /// has a broken body, and the server counts the request as dropped.
    #[must_use]
    pub fn breaks_off(mut self) -> Self {
        self.breaks_off = true;
        self
    }
}

impl HttpSite {
    /// Adds a path with one reply, given each time.
    #[must_use]
    pub fn with_reply(self, path: &str, reply: HttpReply) -> Self {
        self.with_replies(path, [reply])
    }

    /// Adds a path with replies given in turn; the last one repeats.
    ///
    /// # Panics
    /// When there is no reply at all.
    #[must_use]
    pub fn with_replies(
        mut self,
        path: &str,
        replies: impl IntoIterator<Item = HttpReply>,
    ) -> Self {
        let replies: Vec<_> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "the script of {path} has no reply");
        self.scripts.insert(path.to_owned(), Script { replies, requests: 0 });
        self
    }

    /// Listens on 127.0.0.1 and answers until the server is dropped.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(self) -> HttpServer {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("a free port on 127.0.0.1");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            scripts: Mutex::new(self.scripts),
            load: watch::Sender::new(Load::default()),
            connections: AtomicUsize::new(0),
        });
        let counter = Arc::clone(&shared);
        let listener = listener.tap_io(move |_| {
            counter.connections.fetch_add(1, Ordering::SeqCst);
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            // `serve` ends only with the task.
            axum::serve(listener, router).await.ok();
        });
        HttpServer { address, shared, task }
    }
}

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    scripts: Mutex<HashMap<String, Script>>,
    load: watch::Sender<Load>,
    connections: AtomicUsize,
}

impl Shared {
    fn scripts(&self) -> MutexGuard<'_, HashMap<String, Script>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpServer {
    /// The address of `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What the server has seen so far; a request is in flight until its body has been sent.
    pub fn load(&self) -> Load {
        *self.shared.load.borrow()
    }

    /// Requests for this path so far.
    pub fn requests(&self, path: &str) -> usize {
        self.shared.scripts().get(path).map_or(0, |script| script.requests)
    }

    /// TCP connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until the load is as wanted.
    ///
    /// # Panics
    /// When that has not come within a minute, so that a test fails and does not hang.
    pub async fn until(&self, wanted: impl FnMut(&Load) -> bool) {
        let mut load = self.shared.load.subscribe();
        assert!(
            timeout(PATIENCE, load.wait_for(wanted)).await.is_ok(),
            "after {PATIENCE:?} the server has seen only {:?}",
            self.load()
        );
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let reply = {
        let mut scripts = shared.scripts();
        scripts.get_mut(request.uri().path()).map(|script| {
            let turn = script.requests.min(script.replies.len() - 1);
            script.requests += 1;
            script.replies[turn].clone()
        })
    };
    let guard = InFlight::begin(shared);
    let reply = reply.unwrap_or_else(|| HttpReply::status(404, "no such path"));
    reply.head.wait().await;
    let Ok(status) = StatusCode::from_u16(reply.status) else {
        return StatusCode::NOT_IMPLEMENTED.into_response();
    };
    let breaks_off = reply.breaks_off;
    let sending = (Some(guard), Some((reply.rest, reply.body)));
    let body = stream::unfold(sending, move |(guard, rest)| async move {
        let guard = guard?;
        if let Some((when, bytes)) = rest {
            when.wait().await;
            return Some((Ok(bytes), (Some(guard), None)));
        }
        if breaks_off {
            // hyper flushes what it has when the body is not ready, and not when it fails.
            tokio::task::yield_now().await;
            return Some((
                Err(io::Error::from(io::ErrorKind::ConnectionReset)),
                (None, None),
            ));
        }
        guard.answered();
        None
    });
    let mut response = (status, Body::from_stream(body)).into_response();
    for (name, value) in reply.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// One request, until its body has been sent or its client went away.
struct InFlight {
    shared: Arc<Shared>,
    answered: bool,
}

impl InFlight {
    fn begin(shared: Arc<Shared>) -> Self {
        shared.load.send_modify(|load| {
            load.calls += 1;
            load.in_flight += 1;
            load.peak = load.peak.max(load.in_flight);
        });
        Self { shared, answered: false }
    }

    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.load.send_modify(|load| {
            load.in_flight -= 1;
            if self.answered {
                load.answered += 1;
            } else {
                load.dropped += 1;
            }
        });
    }
}

#[cfg(test)]
mod tests;
