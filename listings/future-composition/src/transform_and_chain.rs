//! Transform and chain.

use std::future::{Future, IntoFuture};

use futures::future::{FutureExt, MapOk, TryFutureExt};

// ANCHOR: whole_output
/// Keeps the label with the outcome, also when that is an error.
pub fn labelled<L, Fut>(label: L, lookup: Fut) -> impl Future<Output = (L, Fut::Output)>
where
    Fut: Future,
{
    lookup.map(move |outcome| (label, outcome))
}

/// The same, awaited.
pub async fn labelled_awaited<L, Fut>(label: L, lookup: Fut) -> (L, Fut::Output)
where
    Fut: Future,
{
    (label, lookup.await)
}
// ANCHOR_END: whole_output

// ANCHOR: success_only
/// The name in capitals; an error passes as it is.
pub fn in_capitals<E>(
    name: impl Future<Output = Result<String, E>>,
) -> impl Future<Output = Result<String, E>> {
    name.map_ok(|name| name.to_uppercase())
}

/// The same, awaited.
///
/// # Errors
/// That of the lookup.
pub async fn in_capitals_awaited<E>(
    name: impl Future<Output = Result<String, E>>,
) -> Result<String, E> {
    Ok(name.await?.to_uppercase())
}
// ANCHOR_END: success_only

// ANCHOR: error_only
/// A step that failed, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step} failed")]
pub struct StepError<E> {
    /// What was tried.
    pub step: &'static str,
    /// What it said.
    pub source: E,
}

/// Puts a name to the error; a success passes as it is.
pub fn step<T, E>(
    step: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, StepError<E>>> {
    call.map_err(move |source| StepError { step, source })
}

/// The same, awaited: this is the `map_err` of `Result`.
///
/// # Errors
/// That of the call, with the name of the step.
pub async fn step_awaited<T, E>(
    step: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, StepError<E>> {
    call.await.map_err(|source| StepError { step, source })
}
// ANCHOR_END: error_only

// ANCHOR: dependent
/// Asks for the posts when the profile says where they are.
pub fn wall<P, T, E, Fut>(
    profile: impl Future<Output = Result<P, E>>,
    posts: impl FnOnce(P) -> Fut,
) -> impl Future<Output = Result<T, E>>
where
    Fut: Future<Output = Result<T, E>>,
{
    profile.and_then(posts)
}

/// The same, awaited.
///
/// # Errors
/// The first error; after it, nothing more is asked.
///
/// # Cancel safety
/// Each await may be the last: the profile may have been fetched for nothing.
pub async fn wall_awaited<P, T, E, Fut>(
    profile: impl Future<Output = Result<P, E>>,
    posts: impl FnOnce(P) -> Fut,
) -> Result<T, E>
where
    Fut: Future<Output = Result<T, E>>,
{
    let profile = profile.await?;
    posts(profile).await
}
// ANCHOR_END: dependent

// ANCHOR: fallback
/// Asks the second source when the first has failed, and tells it why.
pub fn with_fallback<T, E, F, Fut>(
    first: impl Future<Output = Result<T, E>>,
    second: impl FnOnce(E) -> Fut,
) -> impl Future<Output = Result<T, F>>
where
    Fut: Future<Output = Result<T, F>>,
{
    first.or_else(second)
}

/// The same, awaited.
///
/// # Errors
/// That of the second source.
///
/// # Cancel safety
/// Drops the source that it waits for; nothing starts after that.
pub async fn with_fallback_awaited<T, E, F, Fut>(
    first: impl Future<Output = Result<T, E>>,
    second: impl FnOnce(E) -> Fut,
) -> Result<T, F>
where
    Fut: Future<Output = Result<T, F>>,
{
    // ANCHOR: asked_after_a_failure
    match first.await {
        Ok(found) => Ok(found),
        Err(error) => second(error).await,
    }
    // ANCHOR_END: asked_after_a_failure
}
// ANCHOR_END: fallback

/// Waits for both at once: neither needs what the other says.
///
/// # Errors
/// The first of the two; the other call is dropped where it waits.
///
/// # Cancel safety
/// Drops both where they wait.
pub async fn together<P, F, E>(
    profile: impl Future<Output = Result<P, E>>,
    friends: impl Future<Output = Result<F, E>>,
) -> Result<(P, F), E> {
    // ANCHOR: independent
    tokio::try_join!(profile, friends)
    // ANCHOR_END: independent
}

/// Looks up, and then logs what came.
///
/// # Cancel safety
/// Each await may be the last: what was found may go without a log.
pub async fn look_up_and_log<T, Fut>(
    lookup: impl Future<Output = T>,
    log: impl FnOnce(T) -> Fut,
) where
    Fut: Future<Output = ()>,
{
    // ANCHOR: then_polls
    lookup.then(log).await;
    // ANCHOR_END: then_polls
}

/// The second step borrows what the first returned, and the caller gets both.
///
/// # Errors
/// The first error; after it, nothing more is asked.
///
/// # Cancel safety
/// As a chain: dropped in the second step, it drops the profile too.
pub async fn page<P, T, E>(
    profile: impl Future<Output = Result<P, E>>,
    posts: impl AsyncFnOnce(&P) -> Result<T, E>,
) -> Result<(P, T), E> {
    let profile = profile.await?;
    let posts = posts(&profile).await?;
    Ok((profile, posts))
}

/// The second step borrows what the first returned, in a block that owns it.
pub fn posts_of<P, T, E>(
    profile: impl Future<Output = Result<P, E>>,
    posts: impl AsyncFnOnce(&P) -> Result<T, E>,
) -> impl Future<Output = Result<T, E>> {
    // ANCHOR: borrowed_in_a_block
    profile.and_then(|profile| async move { posts(&profile).await })
    // ANCHOR_END: borrowed_in_a_block
}

// ANCHOR: named_future
/// A lookup that is configured first, and then awaited directly.
#[derive(Debug)]
#[must_use = "a look-up does nothing unless awaited"]
pub struct NameLookup<Fut> {
    name: Fut,
    style: fn(String) -> String,
}

impl<Fut> NameLookup<Fut> {
    /// Gives the name as it is found.
    pub fn new(name: Fut) -> Self {
        Self { name, style: |name| name }
    }

    /// Gives it in capitals instead.
    pub fn in_capitals(self) -> Self {
        Self { style: |name| name.to_uppercase(), ..self }
    }
}

impl<Fut, E> IntoFuture for NameLookup<Fut>
where
    Fut: Future<Output = Result<String, E>>,
{
    type Output = Result<String, E>;
    /// The trait wants a name here. An `async` block has none.
    type IntoFuture = MapOk<Fut, fn(String) -> String>;

    fn into_future(self) -> Self::IntoFuture {
        self.name.map_ok(self.style)
    }
}
// ANCHOR_END: named_future

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;

    /// Wrong: the second call needs nothing of the first, and waits for it.
    pub async fn one_after_the_other<P, F, E>(
        profile: impl Future<Output = Result<P, E>>,
        friends: impl Future<Output = Result<F, E>>,
    ) -> Result<(P, F), E> {
        // ANCHOR: one_after_the_other
        Ok((profile.await?, friends.await?))
        // ANCHOR_END: one_after_the_other
    }

    /// Wrong: `or` takes a value, so the second source is asked each time.
    pub async fn fallback_at_once<T, E, F>(
        first: impl Future<Output = Result<T, E>>,
        second: impl Future<Output = Result<T, F>>,
    ) -> Result<T, F> {
        // ANCHOR: eager_fallback
        first.await.or(second.await)
        // ANCHOR_END: eager_fallback
    }

    /// Wrong: what `map` gives back is the future that `log` made; nobody polls it.
    #[expect(clippy::let_underscore_future, reason = "that is the mistake")]
    pub async fn look_up_and_log<T, Fut>(
        lookup: impl Future<Output = T>,
        log: impl FnOnce(T) -> Fut,
    ) where
        Fut: Future<Output = ()>,
    {
        // ANCHOR: map_does_not
        let _ = lookup.map(log).await;
        // ANCHOR_END: map_does_not
    }
}

#[cfg(test)]
mod tests;
