//! How many at once, how many per second.

use std::future::Future;
use std::num::NonZeroUsize;

use futures::stream::{Stream, StreamExt};
use policy::limiter::Limiter;

// ANCHOR: paced
/// Runs `work` for each request: it starts no more than `limiter` lets pass, and has at
/// most `at_once` under way. Answers come when they are ready.
///
/// The next request is taken when there is a place for it, and then waits for its
/// token: one place in the line of the limiter for the whole stream.
///
/// # Cancel safety
/// A dropped `next()` loses nothing, nor the place in the line. Dropping the stream
/// drops the work under way, and the one request that waits for a token, which has not
/// been taken.
pub fn paced<S, F, Fut>(
    requests: S,
    at_once: NonZeroUsize,
    limiter: Limiter,
    work: F,
) -> impl Stream<Item = Fut::Output>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
{
    let let_pass = move |request| {
        let limiter = limiter.clone();
        async move {
            limiter.acquire_one().await;
            request
        }
    };
    requests.then(let_pass).map(work).buffer_unordered(at_once.get())
}
// ANCHOR_END: paced

// ANCHOR: paced_inside
/// Like [`paced`], but each request waits for its token inside its place, and so up to
/// `at_once` of them stand in the line of the limiter. `work` is called before that
/// wait, and its future is polled after it: a `timeout` in it runs in the line, too.
///
/// # Cancel safety
/// A dropped `next()` loses nothing, nor the places in the line. Dropping the stream
/// drops up to `at_once` requests, of which some have not been sent; those have taken
/// no token.
pub fn paced_inside<S, F, Fut>(
    requests: S,
    at_once: NonZeroUsize,
    limiter: Limiter,
    mut work: F,
) -> impl Stream<Item = Fut::Output>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
{
    let wait_and_work = move |request| {
        let (limiter, answer) = (limiter.clone(), work(request));
        async move {
            limiter.acquire_one().await;
            answer.await
        }
    };
    requests.map(wait_and_work).buffer_unordered(at_once.get())
}
// ANCHOR_END: paced_inside

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use futures::stream;
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;
    use tokio::sync::Semaphore;
    use tokio::task::JoinSet;
    use tokio::time::{Instant, interval, sleep, sleep_until};

    // ANCHOR: permits_in_a_window
    /// Wrong twice: permits are no rate, and 5 of them make a window of 10 one of 5.
    pub fn rate_limited<I, F, Fut>(
        requests: I,
        mut work: F,
    ) -> impl Stream<Item = Fut::Output>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future,
    {
        let permits = Arc::new(Semaphore::new(5));
        let limited = move |request| {
            let (permits, answer) = (Arc::clone(&permits), work(request));
            async move {
                let _permit = permits.acquire().await;
                answer.await
            }
        };
        stream::iter(requests).map(limited).buffer_unordered(10)
    }
    // ANCHOR_END: permits_in_a_window

    // ANCHOR: token_before_permit
    /// Wrong: while it waits for the permit, its token gets old.
    pub async fn token_then_permit<T>(
        limiter: &Limiter,
        permits: &Semaphore,
        request: impl Future<Output = T>,
    ) -> T {
        limiter.acquire_one().await;
        let _permit = permits.acquire().await;
        request.await
    }
    // ANCHOR_END: token_before_permit

    // ANCHOR: sleep_on_each_task
    /// Wrong: each task keeps to the rate, and nobody to that of all of them.
    pub fn sleep_on_each_task<F, Fut>(
        tasks: usize,
        pause: Duration,
        call: F,
    ) -> JoinSet<Infallible>
    where
        F: Fn() -> Fut + Clone + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let repeat = |_| {
            let call = call.clone();
            async move {
                loop {
                    call().await;
                    sleep(pause).await;
                }
            }
        };
        (0..tasks).map(repeat).collect()
    }
    // ANCHOR_END: sleep_on_each_task

    // ANCHOR: refill_task
    /// Wrong: the bucket has no rim, and nobody ends its task.
    pub struct RefillTask {
        tokens: Arc<Semaphore>,
    }

    impl RefillTask {
        /// `capacity` tokens, and `refill` more every so often.
        pub fn new(capacity: usize, refill: usize, every: Duration) -> Self {
            let tokens = Arc::new(Semaphore::new(capacity));
            let bucket = Arc::clone(&tokens);
            tokio::spawn(async move {
                let mut refills = interval(every);
                loop {
                    refills.tick().await;
                    bucket.add_permits(refill);
                }
            });
            Self { tokens }
        }

        /// Waits for a token.
        pub async fn acquire(&self) {
            if let Ok(token) = self.tokens.acquire().await {
                token.forget();
            }
        }
    }
    // ANCHOR_END: refill_task

    // ANCHOR: sleep_in_the_lock
    /// Wrong: whoever sleeps has the lock, so nobody else can even ask.
    pub struct SleepInTheLock {
        every: Duration,
        next: tokio::sync::Mutex<Instant>,
    }

    impl SleepInTheLock {
        /// One at the start, and one `every` so often.
        pub fn new(every: Duration) -> Self {
            Self { every, next: tokio::sync::Mutex::new(Instant::now()) }
        }

        /// Waits for its turn.
        pub async fn acquire(&self) {
            let mut next = self.next.lock().await;
            sleep_until(*next).await;
            *next = Instant::now() + self.every;
        }
    }
    // ANCHOR_END: sleep_in_the_lock

    // ANCHOR: fixed_window
    /// Wrong: the end of one window and the start of the next are side by side.
    pub struct FixedWindow {
        limit: u32,
        per: Duration,
        window: Mutex<(Instant, u32)>,
    }

    impl FixedWindow {
        /// Up to `limit` in each `per`, the first of which begins with the first call.
        pub fn new(limit: u32, per: Duration) -> Self {
            Self { limit, per, window: Mutex::new((Instant::now(), 0)) }
        }

        /// Waits for a window with room.
        pub async fn acquire(&self) {
            while let Err(end) = self.try_acquire() {
                sleep_until(end).await;
            }
        }

        fn try_acquire(&self) -> Result<(), Instant> {
            let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
            let (end, left) = &mut *window;
            if *end <= Instant::now() {
                (*end, *left) = (Instant::now() + self.per, self.limit);
            }
            *left = left.checked_sub(1).ok_or(*end)?;
            Ok(())
        }
    }
    // ANCHOR_END: fixed_window
}

#[cfg(test)]
mod tests;
