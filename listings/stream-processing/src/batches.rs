//! Batches of a stream.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::mem;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::task::coop;
use tokio::time::{Instant, sleep_until};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: what_is_there
/// Writes what is there, at most `size` items at a time, until every sender is gone or
/// a write fails.
///
/// # Errors
/// What the first failed write said. Its batch went into `write`; what had not been
/// taken is in the channel, and another call writes it.
///
/// # Cancel safety
/// Dropping the future drops the batch that is being written; what is in the channel
/// stays there.
pub async fn what_is_there<T, E, W, Fut>(
    items: &mut mpsc::Receiver<T>,
    size: NonZeroUsize,
    mut write: W,
) -> Result<(), E>
where
    W: FnMut(Vec<T>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let mut batch = Vec::new();
    while items.recv_many(&mut batch, size.get()).await > 0 {
        write(mem::take(&mut batch)).await?;
    }
    Ok(())
}
// ANCHOR_END: what_is_there

// ANCHOR: size_or_age
/// Cuts `items` into batches of `size`, or of what has come by `age` after the first
/// was taken, and writes them one by one. Gives one result for each batch. The age
/// counts only when `items` has nothing ready.
///
/// # Panics
/// When `size` items are more than a `Vec` can have room for, and when it is polled
/// outside a Tokio runtime.
///
/// # Cancel safety
/// A dropped `next()` loses nothing: the write stands still where it waits, until the
/// next one. Dropping the stream drops the write, and the items that wait for their
/// batch.
pub fn in_batches<S, W, Fut>(
    items: S,
    size: NonZeroUsize,
    age: Duration,
    write: W,
) -> impl Stream<Item = Fut::Output>
where
    S: Stream,
    W: FnMut(Vec<S::Item>) -> Fut,
    Fut: Future,
{
    items.chunks_timeout(size.get(), age).then(write)
}
// ANCHOR_END: size_or_age

// ANCHOR: limits
/// When a batch is cut: at the first limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most items in a batch.
    pub items: NonZeroUsize,
    /// The most that a batch may weigh, in the unit of `weigh`: bytes, say.
    pub weight: NonZeroUsize,
    /// How long the oldest item waits for others, from the moment it was accepted.
    pub age: Duration,
}

/// Why an item was not accepted, with the item.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused<T> {
    /// It alone weighs more than a batch may.
    #[error("an item of weight {weight}, where a batch takes {most}")]
    TooHeavy {
        /// What was refused.
        item: T,
        /// What `weigh` said.
        weight: usize,
        /// The weight of a full batch.
        most: NonZeroUsize,
    },
    /// Nothing is accepted any more.
    #[error("the batcher is closed")]
    Closed(T),
}
// ANCHOR_END: limits

/// An item, what it weighs, and since when it waits.
#[derive(Debug)]
struct Accepted<T> {
    item: T,
    weight: usize,
    at: Instant,
}

/// Where items are accepted. Clones lead to the same batches.
#[derive(Debug)]
pub struct Intake<T> {
    accepted: mpsc::Sender<Accepted<T>>,
    closed: CancellationToken,
    weigh: fn(&T) -> usize,
    most: NonZeroUsize,
}

impl<T> Clone for Intake<T> {
    fn clone(&self) -> Self {
        Self {
            accepted: self.accepted.clone(),
            closed: self.closed.clone(),
            weigh: self.weigh,
            most: self.most,
        }
    }
}

// ANCHOR: intake
impl<T> Intake<T> {
    /// Hands over an item; waits while the batcher has enough of them.
    ///
    /// # Errors
    /// The item, when it is too heavy, or when the batcher is closed or gone.
    ///
    /// # Cancel safety
    /// Dropped while it waits, the item is dropped and was not accepted. To keep it,
    /// finish the call.
    pub async fn send(&self, item: T) -> Result<(), Refused<T>> {
        let (weight, most) = ((self.weigh)(&item), self.most);
        if weight > most.get() {
            return Err(Refused::TooHeavy { item, weight, most });
        }
        coop::consume_budget().await; // others have a turn, however much room there is
        let place = match self.accepted.try_reserve() {
            Ok(place) if !self.closed.is_cancelled() => place,
            // There is no room yet, or it is closed: this says which.
            _ => match self.closed.run_until_cancelled(self.accepted.reserve()).await {
                Some(Ok(place)) => place,
                _ => return Err(Refused::Closed(item)),
            },
        };
        place.send(Accepted { item, weight, at: Instant::now() });
        Ok(())
    }

    /// Closes all clones: nothing more is accepted, and what was accepted is written
    /// without waiting for more.
    pub fn close(&self) {
        self.closed.cancel();
    }
}
// ANCHOR_END: intake

// ANCHOR: batches
/// What was accepted and is not known to be written, in order.
#[derive(Debug)]
pub struct Batches<T> {
    accepted: mpsc::Receiver<Accepted<T>>,
    closed: CancellationToken,
    limits: Limits,
    items: Vec<T>,
    notes: VecDeque<(usize, Instant)>, // of each item: weight, and when it came
    fits: usize,                       // items of the next batch so far
    left: usize,                       // weight that it can still take
    cut: bool,                         // nothing is added to it any more
    number: u64,
}

/// A batcher within `limits`, and the way in, where `waiting` items have room.
///
/// # Panics
/// When `waiting` is more than a Tokio channel can hold, `Semaphore::MAX_PERMITS`: that
/// is `usize::MAX >> 3`.
pub fn batcher<T>(
    limits: Limits,
    waiting: NonZeroUsize,
    weigh: fn(&T) -> usize,
) -> (Intake<T>, Batches<T>) {
    let (sender, accepted) = mpsc::channel(waiting.get());
    let closed = CancellationToken::new();
    let batches = Batches {
        accepted,
        closed: closed.clone(),
        limits,
        items: Vec::new(),
        notes: VecDeque::new(),
        fits: 0,
        left: limits.weight.get(),
        cut: false,
        number: 0,
    };
    (Intake { accepted: sender, closed, weigh, most: limits.weight }, batches)
}
// ANCHOR_END: batches

// ANCHOR: next_batch
impl<T> Batches<T> {
    /// The next batch as soon as it is due; the same one again until it is
    /// [`Batch::written`] or taken. `None`: closed, and nothing is left.
    ///
    /// # Cancel safety
    /// A dropped `next()` loses nothing.
    pub async fn next(&mut self) -> Option<Batch<'_, T>> {
        while !self.cut {
            self.take_what_is_there(); // though its oldest may be late already
            if self.full() || !self.more().await {
                if self.fits == 0 {
                    return None;
                }
                self.cut = true;
            }
        }
        Some(Batch { batches: self })
    }

    /// Waits for one more item; `false` when it comes too late, or none will come.
    async fn more(&mut self) -> bool {
        let oldest = self.notes.front();
        let due = oldest.and_then(|(_, came)| came.checked_add(self.limits.age));
        loop {
            select! {
                biased; // so that not even a flood keeps the oldest from leaving
                () = self.closed.cancelled(), if !self.accepted.is_closed() => {
                    self.accepted.close();
                }
                () = at(due) => return false,
                item = self.accepted.recv() => {
                    return item.map(|item| self.keep(item)).is_some();
                }
            }
        }
    }
}
// ANCHOR_END: next_batch

impl<T> Batches<T> {
    /// Whether the next batch is full, with what has come so far.
    fn full(&mut self) -> bool {
        while self.left > 0 && self.fits < self.limits.items.get() {
            let Some((weight, _)) = self.notes.get(self.fits) else { return false };
            let Some(left) = self.left.checked_sub(*weight) else { return true };
            self.left = left;
            self.fits += 1;
        }
        true
    }

    fn keep(&mut self, Accepted { item, weight, at }: Accepted<T>) {
        self.items.push(item);
        self.notes.push_back((weight, at));
    }

    /// No more than a batch can use, and perhaps one item that does not fit into it;
    /// and nothing that comes meanwhile, which could go on for ever.
    fn take_what_is_there(&mut self) {
        for _ in 0..self.accepted.len() {
            if self.cut || self.full() {
                break;
            }
            let Ok(item) = self.accepted.try_recv() else { break };
            self.keep(item);
        }
    }

    fn take(&mut self, count: usize) -> Vec<T> {
        (self.fits, self.left, self.cut) = (0, self.limits.weight.get(), false);
        self.notes.drain(..count);
        self.items.drain(..count).collect()
    }

    /// Accepts nothing more, and hands out all that is not known to be written.
    ///
    /// # Cancel safety
    /// Dropped, it has lost nothing: call it again.
    pub async fn remainder(&mut self) -> Vec<T> {
        self.accepted.close();
        while let Some(item) = self.accepted.recv().await {
            self.keep(item);
        }
        self.take(self.items.len())
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

// ANCHOR: batch
/// A batch on loan. Dropped, it stays in the batcher, and is the next batch again.
#[derive(Debug)]
#[must_use = "a batch that is dropped comes again"]
pub struct Batch<'a, T> {
    batches: &'a mut Batches<T>,
}

impl<T> Batch<'_, T> {
    /// Counts the batches from zero; the same number means the same items.
    pub fn number(&self) -> u64 {
        self.batches.number
    }

    /// Forgets the items: they are where they belong.
    pub fn written(self) {
        drop(self.into_items());
    }

    /// Takes the items out. From now on they are the caller's care.
    pub fn into_items(self) -> Vec<T> {
        self.batches.number += 1;
        self.batches.take(self.batches.fits)
    }
}

impl<T> Deref for Batch<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.batches.items[..self.batches.fits]
    }
}
// ANCHOR_END: batch

// ANCHOR: write_all
/// What batches are written to.
pub trait Store<T> {
    /// Why a batch was not written.
    type Error;

    /// Writes all of `batch` or, if it can, nothing. A `number` that comes again has
    /// the same items: the write before failed, or nobody waited for its end.
    fn write(
        &mut self,
        number: u64,
        batch: &[T],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Writes one batch after another, until the intake is closed and all is written.
///
/// # Errors
/// The first error of the store. Its batch is still the next one in `batches`.
///
/// # Cancel safety
/// Dropped at any await, it loses nothing. The batch that was being written comes
/// again, with its number.
pub async fn write_all<T, S: Store<T>>(
    batches: &mut Batches<T>,
    store: &mut S,
) -> Result<(), S::Error> {
    while let Some(batch) = batches.next().await {
        store.write(batch.number(), &batch).await?;
        batch.written();
    }
    Ok(())
}
// ANCHOR_END: write_all

// ANCHOR: set_aside
/// Like [`write_all`], but hands the items of a batch that failed to `aside`, with the
/// error, and goes on with the next.
///
/// # Cancel safety
/// As [`write_all`].
pub async fn write_or_set_aside<T, S: Store<T>>(
    batches: &mut Batches<T>,
    store: &mut S,
    mut aside: impl FnMut(Vec<T>, S::Error),
) {
    while let Err(error) = write_all(batches, store).await {
        // The batch that failed is the next one: this does not wait.
        if let Some(batch) = batches.next().await {
            aside(batch.into_items(), error);
        }
    }
}
// ANCHOR_END: set_aside

// ANCHOR: own_task
/// A batch could not be written. Nothing that was accepted is lost, and nothing more is
/// accepted: write the rest with `batches` and `store`.
#[derive(Debug, thiserror::Error)]
#[error("a batch was not written")]
pub struct Stopped<T, S, E> {
    /// All that is not written; the batch that failed comes first.
    pub batches: Batches<T>,
    /// The store, as the failure left it.
    pub store: S,
    /// What the store said.
    pub source: E,
}

/// A task that writes. Dropping it aborts it, and drops what is not written.
pub type Writer<T, S, E> = AbortOnDropHandle<Result<S, Stopped<T, S, E>>>;

/// Starts the task. It ends with the store when the intake is closed and all is
/// written, or at the first batch that fails; then `send` hands items back.
///
/// # Panics
/// When it is called outside a Tokio runtime.
pub fn writer<T, S>(mut batches: Batches<T>, mut store: S) -> Writer<T, S, S::Error>
where
    T: Send + Sync + 'static,
    S: Store<T, Error: Send + 'static> + Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(async move {
        match write_all(&mut batches, &mut store).await {
            Ok(()) => Ok(store),
            Err(source) => {
                batches.accepted.close(); // or senders would wait for nobody
                Err(Stopped { batches, store, source })
            }
        }
    }))
}
// ANCHOR_END: own_task

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use tokio::time::sleep;

    // ANCHOR: slices
    /// Wrong: the first batch is written when the last item has come.
    pub async fn slices<S, W, Fut>(items: S, size: usize, mut write: W)
    where
        S: Stream<Item: Clone>,
        W: FnMut(Vec<S::Item>) -> Fut,
        Fut: Future<Output = ()>,
    {
        let all: Vec<_> = items.collect().await;
        for batch in all.chunks(size) {
            write(batch.to_vec()).await;
        }
    }
    // ANCHOR_END: slices

    // ANCHOR: fresh_sleep
    /// Wrong: the sleep begins anew with each item, and the last items are not written.
    pub async fn fresh_sleep<T, W, Fut>(
        items: &mut mpsc::Receiver<T>,
        size: NonZeroUsize,
        age: Duration,
        mut write: W,
    ) where
        W: FnMut(Vec<T>) -> Fut,
        Fut: Future<Output = ()>,
    {
        let mut batch = Vec::new();
        loop {
            select! {
                item = items.recv() => match item {
                    Some(item) => batch.push(item),
                    None => break,
                },
                () = sleep(age) => write(mem::take(&mut batch)).await,
            }
            if batch.len() >= size.get() {
                write(mem::take(&mut batch)).await;
            }
        }
    }
    // ANCHOR_END: fresh_sleep
}

#[cfg(test)]
mod tests;
