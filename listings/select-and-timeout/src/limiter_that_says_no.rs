//! A limiter that says no: at once, when to come back, and to each client by itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use policy::limiter::{Limiter, Rate, Refused, ZeroPeriod};
use policy::retry::Transient;
use tokio::time::Instant;

// ANCHOR: no
/// Why a request may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum No {
    /// This client is over its limit.
    #[error(transparent)]
    OverLimit(#[from] Refused),
    /// There are too many clients at the same time, and this one is new.
    #[error("no room for another client, for another {wait:?}")]
    NoRoom {
        /// When there may be room again, from now on.
        wait: Duration,
    },
}

impl Transient for No {
    fn transient(&self) -> bool {
        self.retry_after().is_some()
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::OverLimit(refused) => refused.retry_after(),
            Self::NoRoom { wait } => Some(*wait),
        }
    }
}
// ANCHOR_END: no

// ANCHOR: limits
/// A limit for each client, for so many clients at the same time.
#[derive(Debug)]
pub struct Limits<K> {
    /// A client that is new gets a fresh copy of it.
    template: Limiter,
    most: NonZeroUsize,
    clients: Mutex<Clients<K>>,
}

#[derive(Debug)]
struct Clients<K> {
    limiters: HashMap<K, Arc<Limiter>>,
    /// Nobody looks for room before this time.
    look_again: Instant,
}

/// To look for room means to look at all clients: so not for each one that is new.
const PAUSE: Duration = Duration::from_secs(1);
// ANCHOR_END: limits

impl<K: Hash + Eq> Limits<K> {
    /// Each client may use the whole `rate`. At most `most` clients are remembered.
    ///
    /// # Errors
    /// The period of the rate is zero.
    pub fn new(rate: Rate, most: NonZeroUsize) -> Result<Self, ZeroPeriod> {
        let look_again = Instant::now();
        let clients = Clients { limiters: HashMap::new(), look_again };
        Ok(Self { template: Limiter::new(rate)?, most, clients: Mutex::new(clients) })
    }

    /// Waits for a token of this client, or says at once that the wait would be longer
    /// than `patience`.
    ///
    /// # Errors
    /// The client is over its limit, or there are too many clients.
    ///
    /// # Panics
    /// If it has to wait outside a Tokio runtime.
    ///
    /// # Cancel safety
    /// If you drop this while it waits, it has taken no token, and loses its place.
    pub async fn acquire_within(
        &self,
        client: K,
        patience: Duration,
    ) -> Result<(), No> {
        // ANCHOR: acquire_within
        let limiter = self.limiter_of(client)?; // holds the lock only in here
        limiter.acquire_within(NonZeroU32::MIN, patience).await?;
        Ok(())
        // ANCHOR_END: acquire_within
    }

    /// How many clients are remembered.
    pub fn clients(&self) -> usize {
        self.lock().limiters.len()
    }

    // ANCHOR: limiter_of
    fn limiter_of(&self, client: K) -> Result<Arc<Limiter>, No> {
        let mut clients = self.lock();
        if let Some(limiter) = clients.limiters.get(&client) {
            return Ok(Arc::clone(limiter));
        }
        if clients.limiters.len() >= self.most.get() {
            clients.make_room().map_err(|wait| No::NoRoom { wait })?;
        }
        let limiter = Arc::new(self.template.fresh());
        clients.limiters.insert(client, Arc::clone(&limiter));
        Ok(limiter)
    }
    // ANCHOR_END: limiter_of

    fn lock(&self) -> MutexGuard<'_, Clients<K>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Clients<K> {
    // ANCHOR: make_room
    /// Forgets the clients whose bucket is full, or says when to look again.
    fn make_room(&mut self) -> Result<(), Duration> {
        let (now, before) = (Instant::now(), self.limiters.len());
        if now < self.look_again {
            return Err(self.look_again - now);
        }
        self.look_again = now + PAUSE;
        // ANCHOR: forget_full
        self.limiters.retain(|_, limiter| {
            let in_use = Arc::strong_count(limiter) > 1; // a request has it just now
            in_use || !limiter.is_full()
        });
        // ANCHOR_END: forget_full
        if self.limiters.len() < before { Ok(()) } else { Err(PAUSE) }
    }
    // ANCHOR_END: make_room
}

// ANCHOR: answer
impl IntoResponse for No {
    fn into_response(self) -> Response {
        let status = match self {
            Self::OverLimit(_) => StatusCode::TOO_MANY_REQUESTS, // 429
            Self::NoRoom { .. } => StatusCode::SERVICE_UNAVAILABLE, // 503
        };
        let mut answer = (status, self.to_string()).into_response();
        if let Some(wait) = self.retry_after() {
            let seconds = HeaderValue::from(whole_seconds(wait));
            answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        answer
    }
}
// ANCHOR_END: answer

// ANCHOR: round_up
/// In whole seconds, so that nobody comes back too early.
fn whole_seconds(wait: Duration) -> u64 {
    let rest = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(rest)
}
// ANCHOR_END: round_up

/// How long a request waits for a token before it is refused.
pub const PATIENCE: Duration = Duration::from_millis(900);

// ANCHOR: limited
/// Lets a request pass, or answers 429 with the time to come back.
///
/// # Errors
/// The answer for a request that may not pass. Its handler does not run.
///
/// # Cancel safety
/// If you drop this while it waits, no token is taken, and its place in the line is
/// lost. If you drop it after that, the handler is dropped too.
pub async fn limited(
    State(limits): State<Arc<Limits<HeaderValue>>>,
    request: Request,
    next: Next,
) -> Result<Response, No> {
    // Your program must check the account before this. Requests without the header
    // share one bucket.
    let account = request.headers().get("x-account");
    let account = account.cloned().unwrap_or(HeaderValue::from_static(""));
    limits.acquire_within(account, PATIENCE).await?;
    Ok(next.run(request).await)
}
// ANCHOR_END: limited

/// What most code starts with, kept to be measured against.
pub mod naive {
    use tokio::sync::Semaphore;
    use tokio::time::{interval, timeout};

    use super::*;

    /// Wrong: the bucket has no rim, the task never ends, and it says no too late.
    pub struct SemaphoreLimiter {
        permits: Arc<Semaphore>,
    }

    impl SemaphoreLimiter {
        /// `capacity` permits, and `refill` more in each `every`.
        pub fn new(capacity: usize, refill: usize, every: Duration) -> Self {
            let permits = Arc::new(Semaphore::new(capacity));
            let semaphore = Arc::clone(&permits);
            // ANCHOR: refill
            tokio::spawn(async move {
                let mut refills = interval(every);
                loop {
                    refills.tick().await;
                    semaphore.add_permits(refill);
                }
            });
            // ANCHOR_END: refill
            Self { permits }
        }

        /// Whether there was a permit within `patience`.
        pub async fn acquire_within(&self, patience: Duration) -> bool {
            // ANCHOR: timeout
            match timeout(patience, self.permits.acquire()).await {
                Ok(Ok(permit)) => {
                    permit.forget(); // never gives it back: only the task adds new ones
                    true
                }
                _ => false,
            }
            // ANCHOR_END: timeout
        }
    }

    /// Wrong: the client comes back too early.
    pub fn whole_seconds(wait: Duration) -> u64 {
        // ANCHOR: round_down
        wait.as_secs()
        // ANCHOR_END: round_down
    }

    impl<K: Hash + Eq> Limits<K> {
        /// Wrong: one limit for all.
        ///
        /// # Errors
        /// All together are over the limit.
        pub async fn acquire_shared(
            &self,
            _client: K,
            patience: Duration,
        ) -> Result<(), No> {
            // ANCHOR: shared
            let limiter = &self.template; // one for all clients
            limiter.acquire_within(NonZeroU32::MIN, patience).await?;
            Ok(())
            // ANCHOR_END: shared
        }
    }

    /// Wrong: forgets some client to make room, whatever is in its bucket.
    pub struct Forgetful<K> {
        template: Limiter,
        most: usize,
        limiters: Mutex<HashMap<K, Limiter>>,
    }

    impl<K: Hash + Eq + Clone> Forgetful<K> {
        /// As [`Limits::new`].
        ///
        /// # Errors
        /// The period of the rate is zero.
        pub fn new(rate: Rate, most: NonZeroUsize) -> Result<Self, ZeroPeriod> {
            let (most, limiters) = (most.get(), Mutex::new(HashMap::new()));
            Ok(Self { template: Limiter::new(rate)?, most, limiters })
        }

        /// Takes a token of this client.
        ///
        /// # Errors
        /// The client is over its limit.
        pub fn try_acquire(&self, client: K) -> Result<(), Refused> {
            let mut limiters =
                self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
            if limiters.len() >= self.most && !limiters.contains_key(&client) {
                // ANCHOR: forget_any
                let some = limiters.keys().next().cloned();
                some.map(|client| limiters.remove(&client));
                // ANCHOR_END: forget_any
            }
            let limiter =
                limiters.entry(client).or_insert_with(|| self.template.fresh());
            limiter.try_acquire(NonZeroU32::MIN)
        }
    }
}

#[cfg(test)]
mod tests;
