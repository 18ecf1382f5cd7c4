//! When a source fails, ask another one, or give the last good value.

use std::error::Error;
use std::fmt::{self, Display};
use std::future::Future; // only edition 2021 needs this line
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: answered
/// An answer, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The answer.
    pub value: T,
    /// The name of the source that gave it.
    pub by: &'static str,
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Another source may answer, or an old value.
    FallBack,
    /// The error is the answer: nobody else is asked, and no old value is given.
    Fail,
}
// ANCHOR_END: answered

// ANCHOR: source_error
/// How one source failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError<E: Error + 'static> {
    /// It returned an error.
    #[error("{by} returned an error")]
    Failed {
        /// The name of the source.
        by: &'static str,
        /// What it returned.
        source: E,
    },
    /// It had not answered within its limit, and was dropped.
    #[error("{by} gave no answer within {limit:?}")]
    TimedOut {
        /// The name of the source.
        by: &'static str,
        /// Its limit.
        limit: Duration,
    },
}
// ANCHOR_END: source_error

// ANCHOR: no_answer
/// No source has answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NoAnswer<E: Error + 'static> {
    /// How those failed that were asked before the last one, in their order.
    pub earlier: Vec<SourceError<E>>,
    /// How the last one failed.
    #[source]
    pub last: SourceError<E>,
}

impl<E: Error + 'static> Display for NoAnswer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer")?;
        for error in &self.earlier {
            write!(f, ", after {error}")?;
            // Only `last` is a source: nobody else would print this cause.
            if let SourceError::Failed { source, .. } = error {
                write!(f, " ({source})")?;
            }
        }
        Ok(())
    }
}
// ANCHOR_END: no_answer

// ANCHOR: source
/// What gives the future of one question.
type Ask<'a, T, E> = Box<dyn FnOnce() -> BoxFuture<'a, Result<T, E>> + Send + 'a>;

/// Somebody who may have the answer. Nothing is asked before its turn comes.
pub struct Source<'a, T, E> {
    name: &'static str,
    limit: Duration,
    ask: Ask<'a, T, E>,
}

impl<'a, T, E: Error + 'static> Source<'a, T, E> {
    /// `name` is for the log; `ask` must answer within `limit`.
    pub fn new<Fut>(
        name: &'static str,
        limit: Duration,
        ask: impl FnOnce() -> Fut + Send + 'a,
    ) -> Self
    where
        Fut: Future<Output = Result<T, E>> + Send + 'a,
    {
        Self { name, limit, ask: Box::new(move || ask().boxed()) }
    }

    async fn answer(self) -> Result<T, SourceError<E>> {
        let (by, limit) = (self.name, self.limit);
        match timeout(limit, (self.ask)()).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(source)) => Err(SourceError::Failed { by, source }),
            Err(_elapsed) => Err(SourceError::TimedOut { by, limit }),
        }
    }
}
// ANCHOR_END: source

// ANCHOR: with_fallbacks
/// Asks `first`, and after an error one fallback after another, until one answers.
/// `on_error` sees each error at once, and says whether the next one may be asked.
///
/// # Errors
/// All were asked, or `on_error` said that the error is the answer.
///
/// # Panics
/// Outside a Tokio runtime with a timer.
///
/// # Cancel safety
/// If this is dropped, so is the question in flight, and nobody else is asked.
pub async fn with_fallbacks<'a, T, E: Error + 'static>(
    first: Source<'a, T, E>,
    fallbacks: impl IntoIterator<Item = Source<'a, T, E>>,
    mut on_error: impl FnMut(&SourceError<E>) -> OnError,
) -> Result<Answered<T>, NoAnswer<E>> {
    let (mut source, mut fallbacks) = (first, fallbacks.into_iter());
    let mut earlier = Vec::new();
    loop {
        let by = source.name;
        let last = match source.answer().await {
            Ok(value) => return Ok(Answered { value, by }),
            Err(error) => error,
        };
        let next = match on_error(&last) {
            OnError::FallBack => fallbacks.next(),
            OnError::Fail => None,
        };
        let Some(next) = next else { return Err(NoAnswer { earlier, last }) };
        earlier.push(last);
        source = next;
    }
}
// ANCHOR_END: with_fallbacks

// ANCHOR: ages
/// How old a value may be, and how long a load may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ages {
    /// So long, a value is given as it is. From then on, it is refreshed.
    pub fresh: Duration,
    /// So much longer, the old value may still be given.
    pub stale: Duration,
    /// A load that needs longer has failed.
    pub limit: Duration,
}

/// A value, and how old it is: the time since its load began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aged<T> {
    /// The value.
    pub value: T,
    /// How long ago its load began.
    pub age: Duration,
}

/// There is no value, or it is too old.
#[derive(Clone, Debug, thiserror::Error)]
#[error("there is no value that is young enough")]
pub struct NoValue<E: Error + 'static> {
    /// How the last load failed, if it did.
    #[source]
    pub last: Option<Arc<SourceError<E>>>,
}
// ANCHOR_END: ages

// ANCHOR: stale
/// What makes a load.
type Load<T, E> = Box<dyn Fn() -> BoxFuture<'static, Result<T, E>> + Send + Sync>;
/// What decides about an error.
type Judge<E> = Box<dyn Fn(&SourceError<E>) -> OnError + Send + Sync>;

/// Keeps the last good value. Drop it, and the refresh that runs is aborted.
pub struct Stale<T, E: Error + 'static> {
    shared: Arc<Shared<T, E>>,
    /// The last refresh, and when it began.
    refresh: Mutex<Option<(Instant, AbortOnDropHandle<()>)>>,
}

/// What the refresh shares with the owner.
struct Shared<T, E: Error + 'static> {
    name: &'static str,
    ages: Ages,
    load: Load<T, E>,
    on_error: Judge<E>,
    last: Mutex<Last<T, E>>,
}

/// What the last loads gave.
struct Last<T, E: Error + 'static> {
    /// The last good value, and when its load began.
    good: Option<(T, Instant)>,
    error: Option<Arc<SourceError<E>>>,
}
// ANCHOR_END: stale

// ANCHOR: new
impl<T, E: Error + 'static> Stale<T, E> {
    /// No value yet. `load` makes the value, and `on_error` sees each error of it:
    /// [`OnError::Fail`] means that the old value is wrong from now on.
    pub fn new<Fut>(
        name: &'static str,
        ages: Ages,
        load: impl Fn() -> Fut + Send + Sync + 'static,
        on_error: impl Fn(&SourceError<E>) -> OnError + Send + Sync + 'static,
    ) -> Self
    where
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let load: Load<T, E> = Box::new(move || load().boxed());
        let on_error: Judge<E> = Box::new(on_error);
        let last = Mutex::new(Last { good: None, error: None });
        let shared = Arc::new(Shared { name, ages, load, on_error, last });
        Self { shared, refresh: Mutex::new(None) }
    }
}
// ANCHOR_END: new

// ANCHOR: at_once
impl<T, E> Stale<T, E>
where
    T: Clone + Send + 'static,
    E: Error + Send + Sync + 'static,
{
    /// Gives the last good value without waiting. If it is not fresh, or there is none,
    /// a refresh begins in the background, unless one runs or the last refresh began
    /// less than `fresh` ago.
    ///
    /// # Errors
    /// There is no value, or it is too old. After a refresh that failed, too,
    /// no new one begins until `fresh` has passed since it began.
    ///
    /// # Panics
    /// Outside a Tokio runtime with a timer.
    pub fn at_once(&self) -> Result<Aged<T>, NoValue<E>> {
        let last = self.shared.last_good();
        let fresh = self.shared.ages.fresh;
        if !matches!(&last, Ok(good) if good.age < fresh) {
            self.refresh_if_due(fresh);
        }
        last
    }
}
// ANCHOR_END: at_once

// ANCHOR: refresh
impl<T, E> Stale<T, E>
where
    T: Clone + Send + 'static,
    E: Error + Send + Sync + 'static,
{
    fn refresh_if_due(&self, fresh: Duration) {
        let mut refresh = locked(&self.refresh);
        // ANCHOR: one_for_all_callers
        let due = |(began, task): &(Instant, AbortOnDropHandle<()>)| {
            task.is_finished() && began.elapsed() >= fresh
        };
        if !refresh.as_ref().is_none_or(due) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move { shared.load().await });
        *refresh = Some((Instant::now(), AbortOnDropHandle::new(task)));
        // ANCHOR_END: one_for_all_callers
    }
}
// ANCHOR_END: refresh

// ANCHOR: ask_first
impl<T, E> Stale<T, E>
where
    T: Clone + Send + 'static,
    E: Error + Send + Sync + 'static,
{
    /// Loads the value, and after an error gives the last good one, with its age.
    /// Each call makes a load of its own, also just after a refresh that failed.
    ///
    /// # Errors
    /// The load failed, and no value is left, or it is too old.
    ///
    /// # Panics
    /// Outside a Tokio runtime with a timer.
    ///
    /// # Cancel safety
    /// If this is dropped, so is the load, and the last good value stays.
    pub async fn ask_first(&self) -> Result<Aged<T>, NoValue<E>> {
        self.shared.load().await;
        self.shared.last_good()
    }
}
// ANCHOR_END: ask_first

// ANCHOR: load
impl<T: Clone + Send, E: Error + Send + Sync + 'static> Shared<T, E> {
    async fn load(&self) {
        let began = Instant::now();
        let source = Source::new(self.name, self.ages.limit, || (self.load)());
        let loaded = source.answer().await.map_err(|error| {
            let verdict = (self.on_error)(&error); // before the lock: it is your code
            (Arc::new(error), verdict)
        });
        let mut last = locked(&self.last);
        // A load that began earlier may end later. It does not replace what is newer.
        if last.good.as_ref().is_some_and(|(_, since)| *since > began) {
            return;
        }
        match loaded {
            Ok(value) => *last = Last { good: Some((value, began)), error: None },
            Err((error, OnError::FallBack)) => last.error = Some(error),
            Err((error, OnError::Fail)) => {
                *last = Last { good: None, error: Some(error) };
            }
        }
    }

    fn last_good(&self) -> Result<Aged<T>, NoValue<E>> {
        let last = locked(&self.last);
        let oldest = self.ages.fresh.saturating_add(self.ages.stale);
        if let Some((value, since)) = &last.good {
            let age = since.elapsed();
            if age < oldest {
                return Ok(Aged { value: value.clone(), age });
            }
        }
        Err(NoValue { last: last.error.clone() })
    }
}

/// A panic cannot leave these values half changed, so a poisoned lock is good.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
// ANCHOR_END: load

// ANCHOR: lazy
/// Asks `backup` only after an error of `ask`, but then after each error: `on_error`
/// sees it, and does not decide. There is no time limit.
///
/// # Errors
/// What `backup` returns.
///
/// # Cancel safety
/// If this is dropped, so is the question in flight.
pub async fn or_backup<T, E, A, B>(
    ask: impl FnOnce() -> A,
    on_error: impl FnOnce(&E),
    backup: impl FnOnce() -> B,
) -> Result<T, E>
where
    A: Future<Output = Result<T, E>>,
    B: Future<Output = Result<T, E>>,
{
    // ANCHOR: after_an_error
    match ask().await {
        Ok(value) => Ok(value),
        Err(error) => {
            on_error(&error);
            backup().await
        }
    }
    // ANCHOR_END: after_an_error
}
// ANCHOR_END: lazy

// ANCHOR: two_services
/// The stock of an item, from the stock service or from the copy of another one.
///
/// # Errors
/// See [`with_fallbacks`].
///
/// # Cancel safety
/// See [`with_fallbacks`].
pub async fn in_stock<E: Error + 'static, S, C>(
    limit: Duration,
    ask: impl Fn(&'static str) -> S + Send + Sync,
    ask_copy: impl FnOnce() -> C + Send,
    on_error: impl FnMut(&SourceError<E>) -> OnError,
) -> Result<Answered<u32>, NoAnswer<E>>
where
    S: Future<Output = Result<u32, E>> + Send,
    C: Future<Output = Result<u32, E>> + Send,
{
    // ANCHOR: another_service
    let first = Source::new("stock service", limit, || ask("/stock"));
    let backup = Source::new("copy", limit, ask_copy);
    // ANCHOR_END: another_service
    with_fallbacks(first, [backup], on_error).await
}
// ANCHOR_END: two_services

/// How it goes wrong.
pub mod naive {
    use super::*;

    // ANCHOR: or_zero
    /// Wrong: each error becomes "nothing is left", and nobody hears of it.
    pub async fn in_stock<E>(ask: impl Future<Output = Result<u32, E>>) -> u32 {
        // ANCHOR: zero
        let left = ask.await.unwrap_or(0);
        // ANCHOR_END: zero
        left
    }
    // ANCHOR_END: or_zero

    // ANCHOR: eager
    /// Wrong: the backup is asked each time.
    ///
    /// # Errors
    /// What `backup` returns.
    pub async fn or_backup<T, E, A, B>(
        ask: impl FnOnce() -> A,
        backup: impl FnOnce() -> B,
    ) -> Result<T, E>
    where
        A: Future<Output = Result<T, E>>,
        B: Future<Output = Result<T, E>>,
    {
        // ANCHOR: each_time
        ask().await.or(backup().await)
        // ANCHOR_END: each_time
    }
    // ANCHOR_END: eager

    // ANCHOR: same_service
    /// Wrong: both sources are one service.
    ///
    /// # Errors
    /// See [`with_fallbacks`].
    pub async fn twice_in_stock<E: Error + 'static, S>(
        limit: Duration,
        ask: impl Fn(&'static str) -> S + Send + Sync,
        on_error: impl FnMut(&SourceError<E>) -> OnError,
    ) -> Result<Answered<u32>, NoAnswer<E>>
    where
        S: Future<Output = Result<u32, E>> + Send,
    {
        // ANCHOR: one_service
        let first = Source::new("stock service", limit, || ask("/stock"));
        let backup = Source::new("its list", limit, || ask("/list"));
        // ANCHOR_END: one_service
        with_fallbacks(first, [backup], on_error).await
    }
    // ANCHOR_END: same_service

    // ANCHOR: each_caller
    /// Wrong: a refresh for each caller, and no owner.
    pub fn at_once<T, Fut>(last: &Arc<Mutex<T>>, load: impl FnOnce() -> Fut) -> T
    where
        T: Clone + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let (slot, loading) = (Arc::clone(last), load());
        // ANCHOR: one_for_each_caller
        tokio::spawn(async move {
            let value = loading.await;
            *locked(&slot) = value;
        });
        // ANCHOR_END: one_for_each_caller
        locked(last).clone()
    }
    // ANCHOR_END: each_caller
}

#[cfg(test)]
mod tests;
