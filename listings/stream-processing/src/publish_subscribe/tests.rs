use super::*;
use backend::cancel::{after_polls, at_every_await};
use backend::{Alive, Site, ends};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::thread;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
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

/// As [`behind`], each with its version.
fn versions(
    last: u64,
) -> (broadcast::Sender<Versioned<u64>>, broadcast::Receiver<Versioned<u64>>) {
    let (sender, receiver) = broadcast::channel(4);
    (1..=last).for_each(|n| drop(sender.send(numbered(n))));
    (sender, receiver)
}

fn numbered(n: u64) -> Versioned<u64> {
    Versioned { version: n, value: n }
}

// The three answers to lag.

#[tokio::test(start_paused = true)]
async fn it_goes_on_with_the_oldest_that_is_left_and_tells_the_number() {
    let (sender, receiver) = behind(10);
    drop(sender);
    let mut missed = Vec::new();
    let rest = go_on(receiver, |count| missed.push(count)).collect::<Vec<_>>();
    assert_eq!(ends(rest).await, [7, 8, 9, 10]);
    assert_eq!(missed, [6]);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_an_error_and_unsubscribes() {
    let (sender, receiver) = behind(10);
    let mut messages = pin!(disconnect(receiver));
    let error = messages.next().await.unwrap().unwrap_err();
    assert_eq!(error, FellBehind { missed: 6 });
    assert_eq!(error.to_string(), "the subscriber fell behind and missed 6 messages");
    assert_eq!(sender.receiver_count(), 0);
    assert_eq!(messages.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn who_keeps_up_misses_nothing() {
    let (sender, receiver) = behind(4);
    drop(sender);
    let all = disconnect(receiver).collect::<Vec<_>>();
    assert_eq!(ends(all).await, [Ok(1), Ok(2), Ok(3), Ok(4)]);
}

type Table = BTreeMap<&'static str, u64>;

/// Done twice, each of these has the effect of once. A run of them has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Put(&'static str, u64),
    Rename(&'static str, &'static str),
}

impl Edit {
    fn apply_to(self, table: &mut Table) {
        match self {
            Self::Put(key, value) => _ = table.insert(key, value),
            Self::Rename(from, to) => {
                if let Some(value) = table.remove(from) {
                    table.insert(to, value);
                }
            }
        }
    }
}

/// A table that tells of its edits.
#[derive(Clone, Debug)]
struct Store {
    now: Arc<Mutex<Versioned<Table>>>,
    edits: broadcast::Sender<Versioned<Edit>>,
}

impl Store {
    fn with_room_for(messages: usize) -> Self {
        let now = Versioned { version: 0, value: Table::new() };
        let edits = broadcast::Sender::new(messages);
        Self { now: Arc::new(Mutex::new(now)), edits }
    }

    fn edit(&self, edit: Edit) {
        let mut now = self.now.lock().unwrap();
        now.version += 1;
        edit.apply_to(&mut now.value);
        drop(self.edits.send(Versioned { version: now.version, value: edit }));
    }

    fn now(&self) -> Versioned<Table> {
        self.now.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_of_changes_that_the_state_has_is_not_applied_to_it_again() {
    use Edit::{Put, Rename};
    let store = Store::with_room_for(8);
    store.edit(Put("a", 1));
    let read = async || {
        sleep(ms(10)).await; // on its way there
        let now = store.now();
        sleep(ms(10)).await; // on its way back
        now
    };
    let mut updates = pin!(resync(store.edits.subscribe(), read));
    let edit = async {
        sleep(ms(5)).await; // before the state is taken
        store.edit(Rename("a", "b"));
        store.edit(Put("a", 2));
        sleep(ms(10)).await; // and after
        store.edit(Rename("b", "c"));
    };
    let (first, ()) = tokio::join!(updates.next(), edit);
    let state = Table::from([("a", 2), ("b", 1)]);
    assert_eq!(first, Some(Update::State(state.clone())));
    let next = Some(Update::Change(Rename("b", "c")));
    assert_eq!(ends(updates.next()).await, next);
    // The run, once more: what it would have made of that state.
    let mut twice = state;
    for edit in [Rename("a", "b"), Put("a", 2)] {
        edit.apply_to(&mut twice);
    }
    assert_eq!(twice, Table::from([("a", 2), ("b", 2)]), "b was 1");
}

/// Follows 40 edits, one in 10 ms, with room for 4, and returns how often it has read.
async fn follow(to: Duration, back: Duration, busy: Duration) -> u32 {
    let (store, mut reads) = (Store::with_room_for(4), 0);
    let edits = store.edits.subscribe();
    let now = Arc::clone(&store.now);
    let read = || {
        reads += 1;
        let now = Arc::clone(&now);
        async move {
            sleep(to).await;
            let state = now.lock().unwrap().clone();
            sleep(back).await;
            state
        }
    };
    let edit = async move {
        for n in 1..=40 {
            sleep(ms(10)).await;
            let [one, other] = [["a", "b"], ["b", "c"], ["c", "a"]][n % 3];
            let put = Edit::Put(one, n as u64);
            store.edit(if n % 2 == 0 { put } else { Edit::Rename(one, other) });
        }
    };
    let mut mine = Table::new();
    let updates = resync(edits, read).for_each(|update| {
        match update {
            Update::State(state) => mine = state,
            Update::Change(edit) => edit.apply_to(&mut mine),
        }
        sleep(busy)
    });
    tokio::join!(edit, ends(updates));
    assert_eq!(mine, now.lock().unwrap().value, "{to:?} {back:?} {busy:?}");
    reads
}

#[tokio::test(start_paused = true)]
async fn however_slowly_it_reads_and_works_it_ends_with_the_state_of_the_publisher() {
    let (mut quick, mut slow) = (0, 0);
    for to in [0, 3, 17, 64].map(ms) {
        for back in [0, 4, 23, 71].map(ms) {
            for busy in [0, 6, 31].map(ms) {
                let reads = follow(to, back, busy).await;
                if reads == 1 { quick += 1 } else { slow += 1 }
            }
        }
    }
    assert!(quick >= 10 && slow >= 10, "{quick} without lag, {slow} with");
}

#[tokio::test(start_paused = true)]
async fn after_lag_it_subscribes_first_and_reads_then() {
    let (sender, receiver) = broadcast::channel(4);
    let version = Cell::new(0);
    let change = || {
        version.set(version.get() + 1);
        let change = Versioned { version: version.get(), value: "change" };
        sender.send(change).unwrap();
    };
    let read = async || {
        let state = Versioned { version: version.get(), value: version.get() };
        sleep(ms(10)).await;
        change(); // while the state is on its way
        state
    };
    let mut updates = pin!(resync(receiver, read));
    for version in [0, 11] {
        assert_eq!(ends(updates.next()).await, Some(Update::State(version)));
        assert_eq!(ends(updates.next()).await, Some(Update::Change("change")));
        (0..10).for_each(|_| change());
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_comes_twice_is_left_out_and_one_that_is_missing_is_read() {
    let (sender, receiver) = broadcast::channel(8);
    for version in [1, 2, 2, 1, 3, 5, 6] {
        sender.send(Versioned { version, value: version }).unwrap();
    }
    let mut states = [0, 6].into_iter();
    let read = || ready(Versioned { version: states.next().unwrap(), value: () });
    let mut updates = pin!(resync(receiver, read));
    let first = [1, 2, 3].map(Update::Change);
    for expected in [Update::State(())].into_iter().chain(first) {
        assert_eq!(ends(updates.next()).await, Some(expected));
    }
    // 4 was never sent. The state has it, and 5 and 6 as well.
    assert_eq!(ends(updates.next()).await, Some(Update::State(())));
    sender.send(Versioned { version: 7, value: 7 }).unwrap();
    drop(sender);
    assert_eq!(ends(updates.next()).await, Some(Update::Change(7)));
    assert_eq!(ends(updates.next()).await, None);
}

#[tokio::test(start_paused = true)]
async fn read_before_it_subscribes_a_change_in_between_is_in_neither() {
    let (sender, receiver) = behind(10);
    let state: u64 = (1..=10).sum();
    sender.send(11).unwrap();
    let mut changes = receiver.resubscribe();
    sender.send(12).unwrap();
    drop(sender);
    assert_eq!((state, changes.recv().await), (55, Ok(12)));
    assert!(changes.recv().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_resync_ends_with_its_sender() {
    for (last, expected) in [
        (1, vec![Update::State("state"), Update::Change(1)]),
        // Nothing that is missing can come any more, and the state has it.
        (10, vec![Update::State("state"); 2]),
    ] {
        let (sender, receiver) = versions(last);
        drop(sender);
        let read = || ready(Versioned { version: 0, value: "state" });
        let all = resync(receiver, read).collect::<Vec<_>>();
        assert_eq!(ends(all).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_no_message() {
    for ends in [false, true] {
        let (sender, receiver) = behind(0);
        let mut messages = if ends {
            disconnect(receiver).map(Result::unwrap).boxed()
        } else {
            go_on(receiver, |_| {}).boxed()
        };
        for n in 1..=3 {
            timeout(ms(10), messages.next()).await.unwrap_err();
            sender.send(n).unwrap();
            assert_eq!(messages.next().await, Some(n));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_of_resync_loses_no_update_and_goes_on_with_its_read() {
    let site = Site::default().with_page("/state", ms(10));
    let (sender, receiver) = versions(0);
    let read = async || {
        site.fetch("/state").await.unwrap();
        let version = if site.load().calls == 1 { 0 } else { 11 };
        Versioned { version, value: "state" }
    };
    let mut updates = pin!(resync(receiver, read));
    let mut all = Vec::new();
    for (sent, comes) in [(1..=1, 2), (2..=11, 1), (12..=15, 4)] {
        for n in sent {
            sender.send(numbered(n)).unwrap();
        }
        let start = Instant::now();
        let until = all.len() + comes;
        while all.len() < until {
            assert!(start.elapsed() < HOUR, "lost");
            if let Ok(update) = timeout(ms(1), updates.next()).await {
                all.push((update.unwrap(), start.elapsed()));
            }
        }
    }
    let state = (Update::State("state"), ms(10));
    let changes = [12, 13, 14, 15].map(|n| (Update::Change(n), ms(0)));
    let mut expected = vec![state, (Update::Change(1), ms(10)), state];
    expected.extend(changes);
    assert_eq!(all, expected);
    assert_eq!((site.load().calls, site.load().dropped), (2, 0));
    timeout(ms(10), updates.next()).await.unwrap_err();
    sender.send(numbered(16)).unwrap();
    assert_eq!(updates.next().await, Some(Update::Change(16)));
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

#[test]
fn room_for_none_or_for_half_of_all_numbers_panics() {
    for room in [0, usize::MAX / 2, usize::MAX] {
        let made = std::panic::catch_unwind(|| broadcast::channel::<u8>(room));
        assert!(made.is_err(), "{room}");
    }
}

#[tokio::test]
async fn while_it_leaves_out_one_lag_after_another_others_have_a_turn() {
    let (sender, receiver) = broadcast::channel(1);
    let flood = move |lags| {
        if lags < 1_000 {
            (0..3).for_each(|n| drop(sender.send(n)));
        }
    };
    flood(0);
    let lags = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&lags);
    let other = tokio::spawn(async move { counted.load(Ordering::SeqCst) });
    let missed = |_| flood(lags.fetch_add(1, Ordering::SeqCst) + 1);
    let mut messages = pin!(go_on(receiver, missed));
    assert_eq!(messages.next().await, Some(2));
    let at_its_turn = other.await.unwrap();
    assert_eq!((at_its_turn, lags.load(Ordering::SeqCst)), (128, 1_000));
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
async fn without_receivers_a_watch_keeps_the_old_value_unless_it_is_replaced() {
    let (sender, values) = watch::channel(0);
    drop(values);
    assert_eq!(sender.send(1).unwrap_err().0, 1);
    assert_eq!(*sender.subscribe().borrow(), 0);
    assert_eq!(sender.send_replace(2), 0);
    assert_eq!(*sender.subscribe().borrow(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_one_subscribes_is_there_and_counts_as_seen() {
    let (sender, mut first) = watch::channel(0);
    sender.send(1).unwrap();
    let mut late = sender.subscribe();
    assert_eq!((*late.borrow(), late.has_changed().unwrap()), (1, false));
    timeout(HOUR, late.changed()).await.unwrap_err();
    assert!(first.has_changed().unwrap(), "who was there has not seen it");
    assert!(first.clone().has_changed().unwrap(), "nor has its clone");
    // The same without receivers, if it was not a `send`.
    drop((first.borrow_and_update(), late));
    drop(first);
    assert_eq!(sender.send_replace(2), 1);
    let mut late = sender.subscribe();
    assert_eq!((*late.borrow(), late.has_changed().unwrap()), (2, false));
    late.mark_changed();
    ends(late.changed()).await.unwrap();
    // As a stream: with the value that is there, or without.
    let mut now = WatchStream::new(sender.subscribe());
    assert_eq!(ends(now.next()).await, Some(2));
    let mut then = WatchStream::from_changes(sender.subscribe());
    timeout(HOUR, then.next()).await.unwrap_err();
    // Both of ours begin with it.
    let mut late = sender.subscribe();
    assert_eq!(ends(once_it_is(&mut late, |n| *n == 2)).await, Some(2));
    let mut late = sender.subscribe();
    drop(sender);
    let mut applied = Vec::new();
    let apply = |n| {
        applied.push(n);
        ready(())
    };
    ends(for_each_latest(&mut late, apply)).await;
    assert_eq!(applied, [2]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_changes_begins_with_what_its_receiver_has_not_seen() {
    let (sender, receiver) = watch::channel(0);
    sender.send(1).unwrap();
    let mut unseen = WatchStream::from_changes(receiver);
    assert_eq!(ends(unseen.next()).await, Some(1));
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

#[tokio::test(start_paused = true)]
async fn a_slow_apply_gets_what_is_the_latest_when_it_is_free() {
    let start = Instant::now();
    let (sender, mut values) = watch::channel(0);
    let changes = async move {
        for n in 1..=8 {
            sleep(ms(10)).await;
            sender.send(n).unwrap();
        }
    };
    let mut applied = Vec::new();
    let apply = |n| {
        applied.push((n, start.elapsed()));
        sleep(ms(37))
    };
    tokio::join!(changes, ends(for_each_latest(&mut values, apply)));
    assert_eq!(
        applied,
        [(0, 0), (3, 37), (7, 74), (8, 111)].map(|(n, at)| (n, ms(at)))
    );
    assert_eq!(start.elapsed(), ms(148));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_begins_again_with_the_value_that_is_there() {
    let mut points = 0;
    loop {
        let (sender, mut values) = watch::channel(0);
        let change = tokio::spawn(async move {
            sleep(ms(15)).await;
            sender.send(1).unwrap();
        });
        let mut applied = Vec::new();
        let apply = |n| {
            applied.push(n);
            sleep(ms(10))
        };
        let end = after_polls(points, for_each_latest(&mut values, apply)).await;
        change.await.unwrap();
        let before = applied.len();
        let rest = |n| {
            applied.push(n);
            ready(())
        };
        ends(for_each_latest(&mut values, rest)).await;
        assert_eq!(applied[before..], [1], "{points} polls: the last, and once");
        if end.is_some() {
            break;
        }
        points += 1;
    }
    assert_eq!(points, 4, "before it, in each apply, and between them");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_changed_has_seen_nothing() {
    let (sender, mut values) = watch::channel(0);
    timeout(ms(10), values.changed()).await.unwrap_err();
    sender.send(1).unwrap();
    drop(values.changed()); // never polled
    ends(values.changed()).await.unwrap();
    assert_eq!(*values.borrow_and_update(), 1);
}

#[tokio::test(start_paused = true)]
async fn changed_sees_the_last_value_before_it_sees_the_end() {
    let (sender, mut values) = watch::channel(0);
    sender.send(1).unwrap();
    drop(sender);
    assert!(values.has_changed().is_err(), "this one sees the end only");
    ends(values.changed()).await.unwrap();
    assert_eq!(*values.borrow(), 1);
    ends(values.changed()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_when_all_its_senders_are_gone() {
    let (sender, mut values) = watch::channel(0);
    let other = sender.clone();
    drop(sender);
    timeout(HOUR, values.changed()).await.unwrap_err();
    drop(other);
    ends(values.changed()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn with_borrow_a_value_that_was_there_first_is_applied_twice() {
    let twice = async |update: bool| {
        let (sender, mut values) = watch::channel(0);
        sender.send(1).unwrap();
        drop(sender);
        let mut applied = Vec::new();
        loop {
            applied.push(if update {
                *values.borrow_and_update()
            } else {
                *values.borrow()
            });
            if values.changed().await.is_err() {
                break applied;
            }
        }
    };
    assert_eq!(ends(twice(false)).await, [1, 1]);
    assert_eq!(ends(twice(true)).await, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_wanted_may_be_there_or_come_and_is_found_after_the_end() {
    let start = Instant::now();
    let (sender, mut values) = watch::channel(1);
    let more = async {
        sleep(ms(10)).await;
        sender.send(2).unwrap();
        sleep(ms(10)).await;
        sender.send(3).unwrap();
    };
    assert_eq!(
        ends(once_it_is(&mut values, |n| *n == 1)).await,
        Some(1),
        "seen or not"
    );
    let wait = ends(once_it_is(&mut values, |n| *n == 3));
    assert_eq!(tokio::join!(wait, more), (Some(3), ()));
    assert_eq!(start.elapsed(), ms(20));
    sender.send(4).unwrap();
    drop(sender);
    assert_eq!(ends(once_it_is(&mut values, |n| *n == 4)).await, Some(4));
    assert_eq!(ends(once_it_is(&mut values, |n| *n == 5)).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_for_a_value_has_let_none_pass() {
    let (sender, mut values) = watch::channel(0);
    timeout(ms(10), once_it_is(&mut values, |n| *n == 1)).await.unwrap_err();
    sender.send(1).unwrap();
    assert_eq!(ends(once_it_is(&mut values, |n| *n == 1)).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_spawned_may_hold_a_borrow_over_an_await() {
    let (_sender, values) = watch::channel(0);
    let held = values.borrow();
    sleep(ms(1)).await; // and a `send` would wait here for ever
    assert_eq!(*held, 0);
}

#[test]
fn while_a_borrow_is_held_a_send_stops_its_thread_and_all_that_runs_there() {
    let (sender, values) = watch::channel(0);
    let held = values.borrow();
    let (ran, others) = std::sync::mpsc::channel();
    let (sends, begun) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let send = tokio::spawn(async move {
                sends.send(()).unwrap();
                sender.send(1).unwrap();
            });
            for n in 0..100 {
                let ran = ran.clone();
                tokio::spawn(async move { ran.send(n).unwrap() });
            }
            send.await.unwrap();
        });
    });
    begun.recv().unwrap();
    // It waits for the first of a hundred, and in vain.
    assert_eq!(others.recv_timeout(ms(50)), Err(RecvTimeoutError::Timeout));
    drop(held);
    thread.join().unwrap();
    assert_eq!(*values.borrow(), 1);
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
        assert_eq!(ends(hub.publish(n)).await, 1);
    }
    assert_eq!(start.elapsed(), ms(150), "20, but 4 queued and 1 in hand");
    drop(hub);
    assert_eq!(ends(reading).await.unwrap(), (1..=20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn who_has_no_room_for_too_long_is_dropped_from_the_hub() {
    let start = Instant::now();
    let mut hub = Hub::new(ms(1_000));
    let (mut silent, mut quick) = (hub.subscribe(FOUR), hub.subscribe(FOUR));
    for n in 1..=5 {
        let reached = ends(hub.publish(n)).await;
        assert_eq!(reached, if n == 5 { 1 } else { 2 });
        assert_eq!(ends(quick.recv()).await, Some(n));
    }
    assert_eq!(start.elapsed(), ms(1_000));
    for left in [Some(1), Some(2), Some(3), Some(4), None] {
        assert_eq!(ends(silent.recv()).await, left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_waits_as_long_as_its_patience_and_no_longer() {
    for patience in [ms(0), ms(250), HOUR] {
        let start = Instant::now();
        let mut hub = Hub::new(patience);
        let _silent = hub.subscribe(NonZeroUsize::MIN);
        assert_eq!(ends(hub.publish(1)).await, 1);
        assert_eq!(ends(hub.publish(2)).await, 0);
        assert_eq!(start.elapsed(), patience);
    }
    let mut hub = Hub::new(Duration::MAX);
    let mut slow = hub.subscribe(NonZeroUsize::MIN);
    assert_eq!(ends(hub.publish(1)).await, 1);
    timeout(10_000 * HOUR, hub.publish(2)).await.unwrap_err();
    assert_eq!(slow.recv().await, Some(1));
    assert_eq!(ends(hub.publish(3)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn each_subscriber_has_the_room_it_asked_for_from_when_it_came() {
    let mut hub = Hub::new(ms(0));
    hub.publish(0).await;
    let mut queues =
        [1, 3, 7].map(|room| (room, hub.subscribe(NonZeroUsize::new(room).unwrap())));
    for (n, left) in (1..=8).zip([3, 2, 2, 1, 1, 1, 1, 0]) {
        assert_eq!(ends(hub.publish(n)).await, left);
    }
    for (room, queue) in &mut queues {
        let mut all = Vec::new();
        while let Some(n) = ends(queue.recv()).await {
            all.push(n);
        }
        assert_eq!(all, (1..=*room).collect::<Vec<_>>());
    }
    let more = NonZeroUsize::new(Semaphore::MAX_PERMITS + 1).unwrap();
    let subscribe = AssertUnwindSafe(|| drop(hub.subscribe(more)));
    assert!(std::panic::catch_unwind(subscribe).is_err());
}

#[tokio::test(start_paused = true)]
async fn without_patience_too_a_thousand_with_room_stay() {
    let mut hub = Hub::new(ms(0));
    let mut queues: Vec<_> = (0..1_000).map(|_| hub.subscribe(FOUR)).collect();
    assert_eq!(ends(hub.publish(7)).await, 1_000, "more than the budget of a task");
    for queue in &mut queues {
        assert_eq!(queue.try_recv(), Ok(7));
    }
}

#[tokio::test]
async fn however_much_room_there_is_a_publisher_lets_others_have_a_turn() {
    let mut hub = Hub::new(HOUR);
    let mut queue = hub.subscribe(FOUR);
    let sent = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&sent);
    let other = tokio::spawn(async move { seen.load(Ordering::SeqCst) });
    for n in 0..1_000 {
        assert_eq!(hub.publish(n).await, 1);
        assert_eq!(queue.try_recv(), Ok(n));
        sent.fetch_add(1, Ordering::SeqCst);
    }
    assert_eq!(other.await.unwrap(), 128);
}

#[tokio::test(start_paused = true)]
async fn for_three_that_are_slow_a_hub_waits_no_longer_than_for_one() {
    let start = Instant::now();
    let mut hub = Hub::new(ms(1_000));
    let _silent = [(); 3].map(|()| hub.subscribe(FOUR));
    let mut quick = hub.subscribe(FOUR);
    for n in 1..=5 {
        ends(hub.publish(n)).await;
        assert_eq!(ends(quick.recv()).await, Some(n));
    }
    assert_eq!(start.elapsed(), ms(1_000), "for all at once");
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_dropped_from_the_hub_at_once() {
    let start = Instant::now();
    let mut hub = Hub::new(HOUR);
    let (gone, mut stays) = (hub.subscribe(FOUR), hub.subscribe(FOUR));
    drop(gone);
    assert_eq!(ends(hub.publish(1)).await, 1);
    assert_eq!((ends(stays.recv()).await, start.elapsed()), (Some(1), ms(0)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_publish_has_sent_to_nobody() {
    let mut hub = Hub::new(HOUR);
    let (mut full, mut free) = (hub.subscribe(FOUR), hub.subscribe(FOUR));
    for n in 1..=4 {
        ends(hub.publish(n)).await;
        assert_eq!(ends(free.recv()).await, Some(n));
    }
    timeout(ms(10), hub.publish(5)).await.unwrap_err();
    assert!(free.try_recv().is_err());
    assert_eq!(ends(full.recv()).await, Some(1));
    assert_eq!(ends(hub.publish(6)).await, 2);
    assert_eq!(ends(free.recv()).await, Some(6));
}

#[tokio::test(start_paused = true)]
async fn a_hub_keeps_no_more_than_its_queues() {
    let alive = Alive::default();
    let mut hub = Hub::new(ms(1));
    let _silent = hub.subscribe(FOUR);
    for _ in 0..100 {
        ends(hub.publish(Arc::new(alive.guard()))).await;
    }
    assert_eq!(alive.count(), 4);
}

// Dropped, spawned, naive.

#[tokio::test(start_paused = true)]
async fn dropped_while_it_reads_the_state_it_leaves_no_call() {
    let site = Site::default().with_page("/state", ms(10));
    let updates = || {
        let (sender, receiver) = versions(10);
        drop(sender);
        let site = site.clone();
        let read = move || {
            let state = site.fetch("/state");
            async move { Versioned { version: 6, value: state.await.is_ok() } }
        };
        resync(receiver, read).count()
    };
    let gone = |polls, _| assert_eq!(site.load().in_flight, 0, "{polls} polls");
    assert_eq!(ends(at_every_await(updates, gone)).await, 3);
    assert_eq!(site.load().answered, 3, "dropped in the first read, and the second");
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let (sender, receiver) = behind(2);
    let going_on = tokio::spawn(go_on(sender.subscribe(), |_| {}).count());
    let strict = tokio::spawn(disconnect(sender.subscribe()).count());
    let (changing, changes) = versions(2);
    let read = || ready(Versioned { version: 0, value: () });
    let synced = tokio::spawn(resync(changes, read).count());
    drop((sender, receiver, changing));
    assert_eq!(ends(going_on).await.unwrap(), 0);
    assert_eq!(ends(strict).await.unwrap(), 0);
    assert_eq!(ends(synced).await.unwrap(), 3);
    let (_, values) = watch::channel(1);
    let (mut some, mut all) = (values.clone(), values);
    let found = async move { once_it_is(&mut some, |n| *n == 1).await };
    assert_eq!(tokio::spawn(found).await.unwrap(), Some(1));
    let applied = async move { for_each_latest(&mut all, |_| ready(())).await };
    ends(tokio::spawn(applied)).await.unwrap();
    let published = async { Hub::new(HOUR).publish(1).await };
    assert_eq!(tokio::spawn(published).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn taken_for_the_end_a_lag_loses_all_that_follows() {
    let (_sender, receiver) = behind(10);
    let mut taken = 0;
    ends(naive::until_error(receiver, |_| taken += 1)).await;
    assert_eq!(taken, 0, "of ten, and four were still there");
    let (sender, receiver) = behind(4);
    drop(sender);
    ends(naive::until_error(receiver, |_| taken += 1)).await;
    assert_eq!(taken, 4);
}

#[tokio::test(start_paused = true)]
async fn a_filter_on_ok_hides_six_of_ten() {
    let (sender, receiver) = behind(10);
    drop(sender);
    let seen: Vec<_> = naive::messages(receiver).collect().await;
    assert_eq!(seen, [7, 8, 9, 10]);
}
