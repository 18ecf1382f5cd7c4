//! One publisher, many subscribers, and the one that is too slow.

use std::future::{Future, ready};
use std::num::NonZeroUsize;
use std::time::Duration;

use async_stream::stream;
use futures::future::join_all;
use futures::stream::{Stream, StreamExt};
use thiserror::Error;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

// ANCHOR: go_on
/// Leaves out what was missed and goes on; `missed` is told how many it was.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream unsubscribes.
pub fn go_on<T, F>(
    messages: broadcast::Receiver<T>,
    mut missed: F,
) -> impl Stream<Item = T>
where
    T: Clone + Send + 'static,
    F: FnMut(u64),
{
    BroadcastStream::new(messages).filter_map(move |message| {
        ready(match message {
            Ok(message) => Some(message),
            Err(BroadcastStreamRecvError::Lagged(count)) => {
                missed(count);
                None
            }
        })
    })
}
// ANCHOR_END: go_on

// ANCHOR: disconnect
/// The subscriber was too slow, and messages are gone.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the subscriber fell behind and missed {missed} messages")]
pub struct FellBehind {
    /// How many messages.
    pub missed: u64,
}

/// Ends with an error once a message was missed, and unsubscribes then.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream unsubscribes.
pub fn disconnect<T: Clone>(
    mut messages: broadcast::Receiver<T>,
) -> impl Stream<Item = Result<T, FellBehind>> {
    stream! {
        loop {
            match messages.recv().await {
                Ok(message) => yield Ok(message),
                Err(RecvError::Lagged(missed)) => {
                    drop(messages);
                    yield Err(FellBehind { missed });
                    break;
                }
                Err(RecvError::Closed) => break,
            }
        }
    }
}
// ANCHOR_END: disconnect

// ANCHOR: resync
/// What a subscriber of a state needs: all of it once, then each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update<S, T> {
    /// The whole state; forget what you had.
    State(S),
    /// A change to it. It may be in the state already.
    Change(T),
}

/// Begins with the state. When changes were missed, subscribes anew and *then* reads
/// the state again, so that no change falls in between.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops `read` where it waits,
/// and unsubscribes.
pub fn resync<T, S, F, Fut>(
    mut changes: broadcast::Receiver<T>,
    mut read: F,
) -> impl Stream<Item = Update<S, T>>
where
    T: Clone,
    F: FnMut() -> Fut,
    Fut: Future<Output = S>,
{
    stream! {
        yield Update::State(read().await);
        loop {
            match changes.recv().await {
                Ok(change) => yield Update::Change(change),
                Err(RecvError::Lagged(_)) => {
                    changes = changes.resubscribe();
                    yield Update::State(read().await);
                }
                Err(RecvError::Closed) => break,
            }
        }
    }
}
// ANCHOR_END: resync

// ANCHOR: hub
/// Gives each subscriber a queue of its own, and loses no message. One that has no room
/// holds the publisher up, for `patience`; then it is dropped.
#[derive(Debug)]
pub struct Hub<T> {
    patience: Duration,
    queues: Vec<mpsc::Sender<T>>,
}

impl<T: Clone> Hub<T> {
    /// A hub without subscribers.
    pub fn new(patience: Duration) -> Self {
        Self { patience, queues: Vec::new() }
    }

    /// Gets every message from now on, with room for `capacity`.
    pub fn subscribe(&mut self, capacity: NonZeroUsize) -> mpsc::Receiver<T> {
        let (queue, messages) = mpsc::channel(capacity.get());
        self.queues.push(queue);
        messages
    }

    /// Waits for room in every queue, then sends to all. Says how many they are.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has sent to nobody, and dropped no subscriber.
    pub async fn publish(&mut self, message: T) -> usize {
        let room =
            self.queues.iter().map(|queue| timeout(self.patience, queue.reserve()));
        let room = join_all(room).await;
        let send = |room| {
            let Ok(Ok(place)) = room else { return false };
            mpsc::Permit::send(place, message.clone());
            true
        };
        let kept: Vec<_> = room.into_iter().map(send).collect();
        let mut kept = kept.into_iter();
        self.queues.retain(|_| kept.next().unwrap_or_default());
        self.queues.len()
    }
}
// ANCHOR_END: hub

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    // ANCHOR: until_error
    /// Wrong: a subscriber that fell behind takes it for the end.
    pub async fn until_error<T: Clone>(
        mut messages: broadcast::Receiver<T>,
        mut take: impl FnMut(T),
    ) {
        while let Ok(message) = messages.recv().await {
            take(message);
        }
    }
    // ANCHOR_END: until_error

    // ANCHOR: silent_loss
    /// Wrong: nobody learns that messages are missing.
    pub fn messages<T: Clone + Send + 'static>(
        messages: broadcast::Receiver<T>,
    ) -> impl Stream<Item = T> {
        BroadcastStream::new(messages).filter_map(|message| ready(message.ok()))
    }
    // ANCHOR_END: silent_loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use backend::cancel::at_every_await;
    use backend::{Alive, Site};
    use std::pin::pin;
    use std::sync::Arc;
    use tokio::sync::watch;
    use tokio::time::{Instant, sleep};
    use tokio_stream::wrappers::WatchStream;

    const FOUR: NonZeroUsize = NonZeroUsize::new(4).unwrap();
    const HOUR: Duration = Duration::from_hours(1);

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A receiver with room for 4 that was sent 1 to `last` and has read none.
    fn behind(last: u64) -> (broadcast::Sender<u64>, broadcast::Receiver<u64>) {
        let (sender, receiver) = broadcast::channel(4);
        for n in 1..=last {
            sender.send(n).unwrap();
        }
        (sender, receiver)
    }

    // The three answers to lag.

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_with_the_oldest_that_is_left_and_tells_the_number() {
        let (sender, receiver) = behind(10);
        drop(sender);
        let mut missed = Vec::new();
        let rest = go_on(receiver, |count| missed.push(count)).collect::<Vec<_>>();
        assert_eq!(rest.await, [7, 8, 9, 10]);
        assert_eq!(missed, [6]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_an_error_and_unsubscribes() {
        let (sender, receiver) = behind(10);
        let mut messages = pin!(disconnect(receiver));
        let error = messages.next().await.unwrap().unwrap_err();
        assert_eq!(error, FellBehind { missed: 6 });
        assert_eq!(
            error.to_string(),
            "the subscriber fell behind and missed 6 messages"
        );
        assert_eq!(sender.receiver_count(), 0);
        assert_eq!(messages.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_up_misses_nothing() {
        let (sender, receiver) = behind(4);
        drop(sender);
        let all: Vec<_> = disconnect(receiver).collect().await;
        assert_eq!(all, [Ok(1), Ok(2), Ok(3), Ok(4)]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_lag_it_subscribes_first_and_reads_then() {
        let (sender, receiver) = behind(0);
        let (late, mut reads) = (sender.clone(), 0);
        let read = move || {
            reads += 1;
            let (reads, late) = (reads, late.clone());
            async move {
                sleep(ms(10)).await;
                // A change while the state is read.
                late.send(reads * 100).unwrap();
                format!("state {reads}")
            }
        };
        // An update that never comes ends it, and fails.
        let updates = resync(receiver, read).take_until(sleep(HOUR));
        let mut updates = pin!(updates);
        assert_eq!(updates.next().await, Some(Update::State("state 1".into())));
        assert_eq!(updates.next().await, Some(Update::Change(100)));
        for n in 1..=10 {
            sender.send(n).unwrap();
        }
        assert_eq!(updates.next().await, Some(Update::State("state 2".into())));
        assert_eq!(updates.next().await, Some(Update::Change(200)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_resync_ends_with_its_sender() {
        let (sender, receiver) = behind(1);
        drop(sender);
        let all: Vec<_> = resync(receiver, || ready("state")).collect().await;
        assert_eq!(all, [Update::State("state"), Update::Change(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_wait_loses_no_message() {
        let (sender, receiver) = behind(0);
        let mut messages = pin!(go_on(receiver, |_| {}));
        for n in 1..=3 {
            timeout(ms(10), messages.next()).await.unwrap_err();
            sender.send(n).unwrap();
            assert_eq!(messages.next().await, Some(n));
        }
    }

    // What the channel does.

    #[tokio::test(start_paused = true)]
    async fn room_is_rounded_up_to_a_power_of_two() {
        for (asked, kept) in [(1, 1), (3, 4), (5, 8), (100, 128)] {
            let alive = Alive::default();
            let (sender, _receiver) = broadcast::channel(asked);
            for _ in 0..10_000 {
                sender.send(Arc::new(alive.guard())).unwrap();
            }
            assert_eq!(alive.count(), kept);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_subscriber_costs_the_others_nothing() {
        let (sender, slow) = behind(0);
        let mut quick = pin!(go_on(sender.subscribe(), |_| unreachable!()));
        let start = Instant::now();
        for n in 1..=1_000 {
            sender.send(n).unwrap();
            assert_eq!(quick.next().await, Some(n));
        }
        assert_eq!(start.elapsed(), ms(0));
        let mut slow = pin!(disconnect(slow));
        let missed = slow.next().await.unwrap().unwrap_err().missed;
        assert_eq!(missed, 996);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_late_hears_what_follows() {
        let (sender, _first) = behind(3);
        let late = sender.subscribe();
        sender.send(4).unwrap();
        drop(sender);
        assert_eq!(go_on(late, |_| {}).collect::<Vec<_>>().await, [4]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_subscribers_a_message_comes_back_and_the_next_may_be_heard() {
        let (sender, receiver) = behind(0);
        drop(receiver);
        assert_eq!(sender.send(1).unwrap_err().0, 1);
        let mut receiver = sender.subscribe();
        assert_eq!(sender.send(2).unwrap(), 1);
        assert_eq!(receiver.recv().await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_before_the_sender_was_dropped_still_comes() {
        let (sender, receiver) = behind(3);
        drop(sender);
        assert_eq!(go_on(receiver, |_| {}).collect::<Vec<_>>().await, [1, 2, 3]);
    }

    // The latest value only.

    #[tokio::test(start_paused = true)]
    async fn a_watch_shows_the_latest_value_and_none_in_between() {
        let (sender, mut receiver) = watch::channel(0);
        for n in 1..=5 {
            sender.send(n).unwrap();
        }
        receiver.changed().await.unwrap();
        assert_eq!(*receiver.borrow_and_update(), 5);
        assert!(timeout(HOUR, receiver.changed()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_stream_begins_with_the_value_that_is_there() {
        let (sender, receiver) = watch::channel(0);
        let mut values = WatchStream::new(receiver.clone());
        let mut changes = WatchStream::from_changes(receiver);
        assert_eq!(values.next().await, Some(0));
        assert!(timeout(HOUR, changes.next()).await.is_err());
        sender.send(1).unwrap();
        drop(sender);
        assert_eq!(values.collect::<Vec<_>>().await, [1], "the last, and the end");
        assert_eq!(changes.collect::<Vec<_>>().await, [1]);
    }

    // A queue for each.

    #[tokio::test(start_paused = true)]
    async fn a_hub_loses_nothing_and_waits_for_the_slow() {
        let start = Instant::now();
        let mut hub = Hub::new(ms(1_000));
        let mut slow = hub.subscribe(FOUR);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(n) = slow.recv().await {
                all.push(n);
                sleep(ms(10)).await;
            }
            all
        });
        for n in 1..=20 {
            assert_eq!(hub.publish(n).await, 1);
        }
        assert_eq!(start.elapsed(), ms(150), "20, but 4 queued and 1 in hand");
        drop(hub);
        assert_eq!(reading.await.unwrap(), (1..=20).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_room_for_too_long_is_dropped_from_the_hub() {
        let start = Instant::now();
        let mut hub = Hub::new(ms(1_000));
        let (mut silent, mut quick) = (hub.subscribe(FOUR), hub.subscribe(FOUR));
        for n in 1..=5 {
            let reached = hub.publish(n).await;
            assert_eq!(reached, if n == 5 { 1 } else { 2 });
            assert_eq!(quick.recv().await, Some(n));
        }
        assert_eq!(start.elapsed(), ms(1_000));
        let mut left = Vec::new();
        while let Some(n) = silent.recv().await {
            left.push(n);
        }
        assert_eq!(left, [1, 2, 3, 4], "what it had, and then the end");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_left_is_dropped_from_the_hub_at_once() {
        let start = Instant::now();
        let mut hub = Hub::new(HOUR);
        let (gone, mut stays) = (hub.subscribe(FOUR), hub.subscribe(FOUR));
        drop(gone);
        assert_eq!(hub.publish(1).await, 1);
        assert_eq!((stays.recv().await, start.elapsed()), (Some(1), ms(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_publish_has_sent_to_nobody() {
        let mut hub = Hub::new(HOUR);
        let (mut full, mut free) = (hub.subscribe(FOUR), hub.subscribe(FOUR));
        for n in 1..=4 {
            hub.publish(n).await;
            assert_eq!(free.recv().await, Some(n));
        }
        timeout(ms(10), hub.publish(5)).await.unwrap_err();
        assert!(free.try_recv().is_err());
        assert_eq!(full.recv().await, Some(1));
        assert_eq!(hub.publish(6).await, 2);
        assert_eq!(free.recv().await, Some(6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hub_keeps_no_more_than_its_queues() {
        let alive = Alive::default();
        let mut hub = Hub::new(ms(1));
        let _silent = hub.subscribe(FOUR);
        for _ in 0..100 {
            hub.publish(Arc::new(alive.guard())).await;
        }
        assert_eq!(alive.count(), 4);
    }

    // Dropped, spawned, naive.

    #[tokio::test(start_paused = true)]
    async fn dropped_while_it_reads_the_state_it_leaves_no_call() {
        let site = Site::default().with_page("/state", ms(10));
        let updates = || {
            let (sender, receiver) = behind(10);
            drop(sender);
            let site = site.clone();
            let read = move || {
                let state = site.fetch("/state");
                async move { state.await.is_ok() }
            };
            resync(receiver, read).count()
        };
        let gone = |polls, _| assert_eq!(site.load().in_flight, 0, "{polls} polls");
        assert_eq!(at_every_await(updates, gone).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn all_of_it_can_be_spawned() {
        let (sender, receiver) = behind(2);
        let going_on = tokio::spawn(go_on(sender.subscribe(), |_| {}).count());
        let strict = tokio::spawn(disconnect(sender.subscribe()).count());
        let synced = tokio::spawn(resync(receiver, || ready(())).count());
        drop(sender);
        assert_eq!(going_on.await.unwrap(), 0);
        assert_eq!(strict.await.unwrap(), 0);
        assert_eq!(synced.await.unwrap(), 3);
        let published = async { Hub::new(HOUR).publish(1).await };
        assert_eq!(tokio::spawn(published).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn taken_for_the_end_a_lag_loses_all_that_follows() {
        let (_sender, receiver) = behind(10);
        let mut taken = 0;
        naive::until_error(receiver, |_| taken += 1).await;
        assert_eq!(taken, 0, "of ten, and four were still there");
        let (sender, receiver) = behind(4);
        drop(sender);
        naive::until_error(receiver, |_| taken += 1).await;
        assert_eq!(taken, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_filter_on_ok_hides_six_of_ten() {
        let (sender, receiver) = behind(10);
        drop(sender);
        let seen: Vec<_> = naive::messages(receiver).collect().await;
        assert_eq!(seen, [7, 8, 9, 10]);
    }
}
