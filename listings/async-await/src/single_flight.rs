//! Many callers ask for the same value at the same time, and it is loaded once.

use std::collections::{BTreeMap, HashMap};
use std::future::Future; // only edition 2021 needs this line
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{OnceCell, watch};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Loads each key once, with a cell for each key. It keeps all values for ever.
///
/// # Errors
/// What `load` returned. The next caller that waits then runs its own `load`.
///
/// # Cancel safety
/// If the caller whose `load` runs is dropped, the next one begins anew.
// ANCHOR: get_or_load
pub async fn get_or_load<K: Ord, V: Clone, E>(
    cells: &Mutex<BTreeMap<K, Arc<OnceCell<V>>>>,
    key: K,
    load: impl Future<Output = Result<V, E>>,
) -> Result<V, E> {
    // ANCHOR: lock_to_look
    let cell = {
        let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(key).or_default())
    }; // here the lock is free again
    cell.get_or_try_init(|| load).await.cloned()
    // ANCHOR_END: lock_to_look
}
// ANCHOR_END: get_or_load

// ANCHOR: error
/// What all callers of one load get: the value, or the same error.
pub type Answer<V, E> = Result<V, Arc<LoadError<E>>>;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub enum LoadError<E> {
    /// The load returned this error.
    #[error("the load failed")]
    Failed(#[source] E),
    /// The load panicked. Rust has printed the message.
    #[error("the load panicked")]
    Panicked,
    /// The load has no end, because its runtime has ended.
    #[error("the load was dropped with its runtime")]
    Dropped,
}
// ANCHOR_END: error

// ANCHOR: cache
/// Keeps values for some time. Callers that miss at the same time share one load.
pub struct Cache<K, V, E> {
    shared: Arc<Shared<K, V, E>>,
}

struct Shared<K, V, E> {
    keep: Duration,
    most: NonZeroUsize,
    state: Mutex<State<K, V, E>>,
}

struct State<K, V, E> {
    values: HashMap<K, Value<V>>,
    flights: HashMap<K, Flight<V, E>>,
}

struct Value<V> {
    value: V,
    since: Instant,
}

/// A load that is under way. Dropping it aborts the task that loads.
struct Flight<V, E> {
    answer: watch::Receiver<Option<Answer<V, E>>>, // `None` until the load has ended
    _task: AbortOnDropHandle<()>,
}
// ANCHOR_END: cache

// ANCHOR: new
impl<K, V, E> Cache<K, V, E> {
    /// A cache that uses a value for the time `keep`, and holds at most `most` values.
    /// With a `keep` of zero, callers only share a load.
    pub fn new(keep: Duration, most: NonZeroUsize) -> Self {
        let state = State { values: HashMap::new(), flights: HashMap::new() };
        let shared = Shared { keep, most, state: Mutex::new(state) };
        Self { shared: Arc::new(shared) }
    }
}

impl<K, V, E> Shared<K, V, E> {
    // No change under this lock leaves the maps half changed, so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, State<K, V, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
// ANCHOR_END: new

// ANCHOR: get
impl<K, V, E> Cache<K, V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Returns the value that is kept, or waits for a load of this key. If none is
    /// under way, it begins one, with `load`. Else `load` never runs.
    ///
    /// # Errors
    /// The load returned an error, or panicked, or its runtime has ended.
    ///
    /// # Panics
    /// Outside a Tokio runtime, if it has to begin a load.
    ///
    /// # Cancel safety
    /// If this is dropped, the load goes on, and its value is kept for the others.
    pub async fn get<F>(&self, key: K, mut load: F) -> Answer<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        loop {
            match self.look(&key, load) {
                Look::Kept(value) => return Ok(value),
                Look::Began(flight) => {
                    let answer = end_of(flight).await;
                    return answer.unwrap_or_else(|| Err(Arc::new(LoadError::Dropped)));
                }
                Look::Joined(flight, unused) => match end_of(flight).await {
                    Some(answer) => return answer,
                    None => load = unused, // its runtime has ended: look again
                },
            }
        }
    }
}
// ANCHOR_END: get

// ANCHOR: look
type Watched<V, E> = watch::Receiver<Option<Answer<V, E>>>;

enum Look<V, E, F> {
    /// The value is there.
    Kept(V),
    /// This caller has begun the load.
    Began(Watched<V, E>),
    /// Somebody else has begun it. This caller's own load comes back: it is needed
    /// only if that one is lost.
    Joined(Watched<V, E>, F),
}

async fn end_of<V: Clone, E>(mut flight: Watched<V, E>) -> Option<Answer<V, E>> {
    flight.wait_for(Option::is_some).await.ok()?.clone()
}
// ANCHOR_END: look

impl<K, V, E> Cache<K, V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    // ANCHOR: begin
    fn look<F>(&self, key: &K, load: F) -> Look<V, E, F>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let mut state = self.shared.lock();
        match state.values.get(key) {
            Some(kept) if kept.since.elapsed() < self.shared.keep => {
                return Look::Kept(kept.value.clone());
            }
            _ => {} // there is none, or it is too old
        }
        match state.flights.get(key) {
            // This asks only whether the sender is alive. If the runtime of the leader
            // has ended, the sender is gone, and `has_changed` is an error.
            Some(flight) if flight.answer.has_changed().is_ok() => {
                return Look::Joined(flight.answer.clone(), load);
            }
            _ => {} // nobody loads this key
        }
        let (sender, answer) = watch::channel(None);
        let leader = lead(Arc::downgrade(&self.shared), key.clone(), load, sender);
        let task = AbortOnDropHandle::new(tokio::spawn(leader));
        let flight = Flight { answer: answer.clone(), _task: task };
        state.flights.insert(key.clone(), flight);
        Look::Began(answer)
    } // here the lock is free again
    // ANCHOR_END: begin
}

// ANCHOR: lead
/// The task that loads, and tells all callers how it ended.
async fn lead<K: Clone + Eq + Hash, V: Clone, E>(
    cache: Weak<Shared<K, V, E>>, // does not keep the cache alive
    key: K,
    load: impl Future<Output = Result<V, E>>,
    sender: watch::Sender<Option<Answer<V, E>>>,
) {
    let answer = match AssertUnwindSafe(load).catch_unwind().await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Arc::new(LoadError::Failed(error))),
        Err(_message) => Err(Arc::new(LoadError::Panicked)),
    };
    if let Some(cache) = cache.upgrade() {
        let mut state = cache.lock();
        if let Ok(value) = &answer {
            state.keep(key.clone(), value.clone(), cache.most);
        }
        // This drops the handle of this task, which aborts it. But an abort acts only
        // at an `await`, and none follows. Whoever asks from now on finds the value, or
        // loads anew.
        state.flights.remove(&key);
    }
    sender.send_replace(Some(answer));
}
// ANCHOR_END: lead

// ANCHOR: keep
impl<K: Clone + Eq + Hash, V, E> State<K, V, E> {
    /// Keeps a value from now on. If the cache is full, the oldest value goes.
    fn keep(&mut self, key: K, value: V, most: NonZeroUsize) {
        if self.values.len() >= most.get() {
            let oldest = self.values.iter().min_by_key(|(_, kept)| kept.since);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.values.remove(&oldest);
            }
        }
        self.values.insert(key, Value { value, since: Instant::now() });
    }
}
// ANCHOR_END: keep

/// Gets a value; a load that needs longer than `limit` is an error for all its callers.
///
/// # Errors
/// See [`Cache::get`].
///
/// # Cancel safety
/// See [`Cache::get`].
// ANCHOR: get_within
pub async fn get_within<K, V, E>(
    cache: &Cache<K, V, E>,
    key: K,
    limit: Duration,
    load: impl Future<Output = Result<V, E>> + Send + 'static,
) -> Answer<V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: From<Elapsed> + Send + Sync + 'static,
{
    // ANCHOR: limit_inside
    let load = async move { timeout(limit, load).await? };
    cache.get(key, load).await
    // ANCHOR_END: limit_inside
}
// ANCHOR_END: get_within

/// What calls too often, or waits too long.
pub mod naive {
    use super::*;

    /// Wrong: all callers that miss at the same time load.
    ///
    /// # Errors
    /// What `load` returned.
    ///
    /// # Cancel safety
    /// Dropped where it waits, it has changed nothing.
    pub async fn get<K: Ord, V: Clone, E>(
        values: &Mutex<BTreeMap<K, V>>,
        key: K,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let lock = || values.lock().unwrap_or_else(PoisonError::into_inner);
        // ANCHOR: herd
        let known = lock().get(&key).cloned();
        if let Some(value) = known {
            return Ok(value);
        }
        let value = load.await?; // 100 callers come here before the first has a value
        lock().insert(key, value.clone());
        // ANCHOR_END: herd
        Ok(value)
    }

    /// Wrong: the lock is held while one caller loads.
    ///
    /// # Errors
    /// What `load` returned.
    ///
    /// # Cancel safety
    /// Dropped where it waits, it has changed nothing.
    pub async fn get_locked<K: Ord, V: Clone, E>(
        values: &tokio::sync::Mutex<BTreeMap<K, V>>,
        key: K,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        // ANCHOR: lock_over_the_load
        let mut values = values.lock().await;
        if let Some(value) = values.get(&key) {
            return Ok(value.clone());
        }
        let value = load.await?; // callers of all other keys wait too
        values.insert(key, value.clone());
        Ok(value)
        // ANCHOR_END: lock_over_the_load
    }

    /// Wrong: the limit ends the wait, and not the load.
    ///
    /// # Errors
    /// The wait was longer than `limit`.
    ///
    /// # Cancel safety
    /// See [`Cache::get`].
    pub async fn get_within<K, V, E>(
        cache: &Cache<K, V, E>,
        key: K,
        limit: Duration,
        load: impl Future<Output = Result<V, E>> + Send + 'static,
    ) -> Result<Answer<V, E>, Elapsed>
    where
        K: Clone + Eq + Hash + Send + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        // ANCHOR: limit_outside
        timeout(limit, cache.get(key, load)).await
        // ANCHOR_END: limit_outside
    }
}

#[cfg(test)]
mod tests;
