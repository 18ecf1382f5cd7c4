//! A scripted service on Tokio's clock.
//!
//! Support: no page shows this file.
//!
//! It stands for anything that answers after a while: each path has replies that it gives in turn, and
//! it counts what it was asked, what it answered, and what its callers dropped on the way. Under
//! `start_paused` its waits cost nothing and are exact.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::Transient;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::figure;

/// A scripted service. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct Site {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    connections: Option<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    scripts: HashMap<String, Script>,
    load: Load,
}

#[derive(Debug)]
struct Script {
    replies: Vec<Reply>,
    calls: usize,
}

/// What the service answers to one call.
#[derive(Clone, Debug)]
pub struct Reply {
    after: Option<Duration>,
    answer: Answer,
}

#[derive(Clone, Debug)]
enum Answer {
    Page(String),
    Status { code: u16, retry_after: Option<Duration> },
}

/// A page that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it was fetched from.
    pub path: String,
    /// What it says.
    pub body: String,
}

/// What the service has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls that began: their future was polled at least once.
    pub calls: usize,
    /// Calls that began and have neither been answered nor dropped.
    pub in_flight: usize,
    /// The most calls in flight at one time.
    pub peak: usize,
    /// Calls that were answered, with a page or with an error.
    pub answered: usize,
    /// Calls whose caller went away before the answer.
    pub dropped: usize,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// No script knows this path.
    #[error("{path}: not found")]
    NotFound {
        /// What was asked for.
        path: String,
    },
    /// The script says so.
    #[error("{path}: status {code}")]
    Status {
        /// What was asked for.
        path: String,
        /// As in HTTP.
        code: u16,
        /// How long the service asks to be left alone.
        retry_after: Option<Duration>,
    },
}

impl Transient for SiteError {
    fn transient(&self) -> bool {
        matches!(self, Self::Status { code: 429 | 503, .. })
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::NotFound { .. } => None,
        }
    }
}

impl Reply {
    /// A page with this body, `after` this long.
    pub fn page(after: Duration, body: impl Into<String>) -> Self {
        Self { after: Some(after), answer: Answer::Page(body.into()) }
    }

    /// An error with this status, `after` this long.
    pub fn status(after: Duration, code: u16) -> Self {
        Self { after: Some(after), answer: Answer::Status { code, retry_after: None } }
    }

    /// A 503 that asks to be left alone for a while.
    pub fn busy(after: Duration, retry_after: Duration) -> Self {
        let answer = Answer::Status { code: 503, retry_after: Some(retry_after) };
        Self { after: Some(after), answer }
    }

    /// No answer, ever.
    pub fn never() -> Self {
        Self { after: None, answer: Answer::Page(String::new()) }
    }
}

impl Site {
    /// A service that works on at most `connections` calls at a time; the others queue, first come
    /// first served.
    pub fn with_connections(connections: usize) -> Self {
        let connections = Some(Semaphore::new(connections));
        Self { shared: Arc::new(Shared { connections, ..Shared::default() }) }
    }

    /// Adds a page whose body is its path, and which takes this long.
    #[must_use]
    pub fn with_page(self, path: &str, after: Duration) -> Self {
        self.with_replies(path, [Reply::page(after, path)])
    }

    /// Adds a path with one reply, given each time.
    #[must_use]
    pub fn with_reply(self, path: &str, reply: Reply) -> Self {
        self.with_replies(path, [reply])
    }

    /// Adds a path with replies given in turn; the last one repeats.
    ///
    /// # Panics
    /// When there is no reply at all.
    #[must_use]
    pub fn with_replies(
        self,
        path: &str,
        replies: impl IntoIterator<Item = Reply>,
    ) -> Self {
        let replies: Vec<_> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "the script of {path} has no reply");
        self.state().scripts.insert(path.to_owned(), Script { replies, calls: 0 });
        self
    }

    /// What the service has seen so far.
    pub fn load(&self) -> Load {
        self.state().load
    }

    /// How many calls to this path began.
    pub fn calls(&self, path: &str) -> usize {
        self.state().scripts.get(path).map_or(0, |script| script.calls)
    }

    /// Asks for a page. Nothing happens before the first poll; an unknown path is `NotFound` at once.
    ///
    /// # Errors
    /// What the script says, or that no script knows the path.
    ///
    /// # Cancel safety
    /// A call that is dropped counts as dropped, and gives back its connection.
    pub fn fetch(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<Page, SiteError>> + Send + use<> {
        let (site, path) = (self.clone(), path.to_owned());
        async move {
            let mut call = Call::begin(&site);
            let Some(reply) = site.next_reply(&path) else {
                call.answered = true;
                return Err(SiteError::NotFound { path });
            };
            let _connection = match &site.shared.connections {
                None => None,
                Some(connections) => {
                    if connections.available_permits() == 0 {
                        figure::mark_queued();
                    }
                    // The semaphore is never closed, so there is no error to handle.
                    connections.acquire().await.ok()
                }
            };
            let Some(after) = reply.after else {
                figure::mark_sent(None);
                std::future::pending::<()>().await;
                unreachable!("pending() never ends");
            };
            figure::mark_sent(Some(after));
            sleep_until(Instant::now() + after).await;
            figure::mark_answered();
            call.answered = true;
            reply.into_result(path)
        }
    }

    fn next_reply(&self, path: &str) -> Option<Reply> {
        let mut state = self.state();
        let script = state.scripts.get_mut(path)?;
        let turn = script.calls.min(script.replies.len() - 1);
        script.calls += 1;
        Some(script.replies[turn].clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reply {
    fn into_result(self, path: String) -> Result<Page, SiteError> {
        match self.answer {
            Answer::Page(body) => Ok(Page { path, body }),
            Answer::Status { code, retry_after } => {
                Err(SiteError::Status { path, code, retry_after })
            }
        }
    }
}

/// One call, from its first poll to its answer or its drop.
struct Call<'a> {
    site: &'a Site,
    answered: bool,
}

impl<'a> Call<'a> {
    fn begin(site: &'a Site) -> Self {
        let mut state = site.state();
        state.load.calls += 1;
        state.load.in_flight += 1;
        state.load.peak = state.load.peak.max(state.load.in_flight);
        Self { site, answered: false }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut state = self.site.state();
        state.load.in_flight -= 1;
        if self.answered {
            state.load.answered += 1;
        } else {
            state.load.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests;
