use super::*;
use backend::Alive;
use backend::turns::{BUDGET, Done, turns_beside};
use futures::{FutureExt, stream};
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::task::{consume_budget, yield_now};
use tokio::time::{Instant, advance, error::Elapsed, sleep, timeout};

const TURNS: [usize; 3] = [BUDGET, 2 * BUDGET, 3 * BUDGET];

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn count_in(done: &Done) -> impl FnMut(usize) {
    move |_| done.one()
}

// The counter.

#[tokio::test]
async fn it_counts_and_ends_and_stays_at_its_end() {
    let mut counter = Counter::below(3);
    assert_eq!(counter.by_ref().collect::<Vec<_>>().await, [0, 1, 2]);
    assert_eq!(counter.next().await, None);
    assert_eq!(counter.next().await, None);
}

#[tokio::test]
async fn it_knows_how_many_are_left() {
    let mut counter = Counter::below(3);
    for left in [3, 2, 1] {
        assert_eq!(counter.size_hint(), (left, Some(left)));
        assert!(!counter.is_terminated());
        counter.next().await;
    }
    assert_eq!(counter.size_hint(), (0, Some(0)));
    assert!(counter.is_terminated());
    let all: Vec<_> = tokio_stream::StreamExt::collect(Counter::below(7)).await;
    assert_eq!(all.capacity(), 7, "allocated once");
}

#[tokio::test]
async fn the_naive_counter_tells_nobody_how_many_are_left() {
    let counter = naive::Counter { numbers: 0..7 };
    assert_eq!(counter.size_hint(), (0, None));
    assert_eq!(counter.count().await, 7);
}

// Turns for others.

#[tokio::test]
async fn others_have_a_turn_after_each_128_items() {
    let done = Done::default();
    let numbers = Counter::below(500).for_each(|_| async { done.one() });
    let ((), turns) = turns_beside(&done, numbers).await;
    assert_eq!(turns, TURNS);
}

#[tokio::test]
async fn beside_the_naive_counter_nobody_has_a_turn() {
    let done = Done::default();
    let numbers = naive::Counter { numbers: 0..1_000_000 };
    let work = naive::for_each_without_pause(numbers, count_in(&done));
    let ((), turns) = turns_beside(&done, work).await;
    assert_eq!(turns, [0; 0]);
    assert_eq!(done.count(), 1_000_000);
}

#[tokio::test]
async fn the_polite_loop_lets_others_run_after_each_128_items() {
    let done = Done::default();
    let work = for_each_with_budget(stream::iter(0..500), count_in(&done));
    let ((), turns) = turns_beside(&done, work).await;
    assert_eq!(turns, TURNS);
}

#[tokio::test]
async fn consume_budget_in_the_loop_does_the_same() {
    let done = Done::default();
    let work = async {
        let mut numbers = stream::iter(0..500);
        while numbers.next().await.is_some() {
            done.one();
            consume_budget().await;
        }
    };
    let ((), turns) = turns_beside(&done, work).await;
    assert_eq!(turns, TURNS.map(|n| n + 1));
}

#[tokio::test]
async fn with_a_pause_others_have_a_turn_after_each_item() {
    let done = Done::default();
    let work = async {
        let mut numbers = stream::iter(0..500);
        while numbers.next().await.is_some() {
            done.one();
            yield_now().await;
        }
    };
    let ((), turns) = turns_beside(&done, work).await;
    assert!(turns.iter().copied().eq(1..=500), "{turns:?}");
}

#[tokio::test]
async fn the_iter_of_tokio_stream_lets_others_run_and_that_of_futures_does_not() {
    let done = Done::default();
    let numbers = tokio_stream::iter(0..500);
    let work = naive::for_each_without_pause(numbers, count_in(&done));
    let ((), turns) = turns_beside(&done, work).await;
    assert!(turns.len() >= 3, "{turns:?}"); // each 32, or with feature `rt` 128
    let done = Done::default();
    let work = naive::for_each_without_pause(stream::iter(0..500), count_in(&done));
    assert_eq!(turns_beside(&done, work).await.1, [0; 0]);
}

#[tokio::test]
async fn a_filter_leaves_items_out_and_no_loop_around_it_counts_them() {
    let done = Done::default();
    let none = stream::iter(0..1_000_000).inspect(|_| done.one());
    let none = none.filter(|_| ready(false));
    let ((), turns) = turns_beside(&done, for_each_with_budget(none, |_| {})).await;
    assert_eq!(turns, [0; 0]);
    assert_eq!(done.count(), 1_000_000);
}

#[tokio::test]
async fn below_a_filter_a_source_that_spends_the_budget_counts_them() {
    let done = Done::default();
    let none = Counter::below(500).inspect(|_| done.one()).filter(|_| ready(false));
    let (none, turns) = turns_beside(&done, none.count()).await;
    assert_eq!((none, turns), (0, TURNS.to_vec()));
}

#[tokio::test]
async fn counted_twice_the_budget_is_used_up_after_64_items() {
    let done = Done::default();
    let work = for_each_with_budget(Counter::below(200), count_in(&done));
    let ((), turns) = turns_beside(&done, work).await;
    assert_eq!(turns, [64, 128, 192]);
}

// Time limits.

/// Computes for so long: the clock goes on, and nobody else runs.
fn compute(time: Duration) {
    // Its first poll moves the clock; the rest would be a yield.
    assert!(advance(time).now_or_never().is_none());
}

/// Works off 1000 numbers, each with `time` of computing, within 20 ms. Returns the items
/// done, the time taken, and the end.
async fn within_20_ms(
    time: Duration,
    work: impl AsyncFnOnce(&mut dyn FnMut(usize)),
) -> (usize, Duration, Result<(), Elapsed>) {
    let start = Instant::now();
    let mut items = 0;
    let mut each = |_| {
        compute(time);
        items += 1;
    };
    let end = timeout(ms(20), work(&mut each)).await;
    (items, start.elapsed(), end)
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_of_20_ms_lets_the_naive_loop_run_for_a_second() {
    for numbers in [
        Box::pin(naive::Counter { numbers: 0..1000 }) as stream::BoxStream<usize>,
        Box::pin(stream::iter(0..1000)),
    ] {
        let run = within_20_ms(ms(1), async |each| {
            naive::for_each_without_pause(numbers, each).await;
        });
        assert_eq!(run.await, (1000, ms(1000), Ok(())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_of_20_ms_stops_the_counter_at_the_end_of_its_second_turn() {
    let numbers = Counter::below(1000);
    let (items, took, end) = within_20_ms(ms(1), async |each| {
        naive::for_each_without_pause(numbers, each).await;
    })
    .await;
    assert_eq!((items, took), (2 * BUDGET, ms(256)));
    end.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn the_polite_loop_lets_a_time_limit_fire_over_any_stream() {
    let numbers = stream::iter(0..1000);
    let (items, took, end) =
        within_20_ms(ms(1), async |each| for_each_with_budget(numbers, each).await)
            .await;
    assert_eq!((items, took), (2 * BUDGET, ms(256)));
    end.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn with_a_pause_a_time_limit_of_20_ms_stops_the_loop_one_item_late() {
    let (items, took, end) = within_20_ms(ms(1), async |each| {
        for number in 0..1000 {
            each(number);
            yield_now().await;
        }
    })
    .await;
    assert_eq!((items, took), (21, ms(21)));
    end.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn the_budget_counts_items_and_not_time() {
    let (items, took, end) = within_20_ms(ms(5), async |each| {
        for_each_with_budget(stream::iter(0..1000), each).await;
    })
    .await;
    assert_eq!((items, took), (2 * BUDGET, ms(5 * 256)));
    end.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn items_of_5_ms_hold_the_thread_for_640_ms() {
    let start = Instant::now();
    let other = tokio::spawn(async move { start.elapsed() });
    let each = |_| compute(ms(5));
    for_each_with_budget(stream::iter(0..200), each).await;
    assert_eq!(other.await.unwrap(), ms(640));
}

#[test]
fn on_two_threads_the_other_one_may_fire_the_timer_within_the_first_poll() {
    static FIRED: AtomicBool = AtomicBool::new(false);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1) // and the one that polls the loop
        .enable_time()
        .build()
        .unwrap();
    let mut items = 0;
    let end = runtime.block_on(async {
        tokio::spawn(async {
            sleep(ms(30)).await;
            FIRED.store(true, Ordering::SeqCst);
        });
        let start = std::time::Instant::now();
        let work = for_each_with_budget(stream::iter(0..1000), |_| {
            items += 1;
            // Computes until the other thread has fired a later timer.
            while !FIRED.load(Ordering::SeqCst) {
                assert!(start.elapsed() < Duration::from_mins(1), "it never fired");
                thread::yield_now();
            }
        });
        timeout(ms(20), work).await
    });
    end.unwrap_err();
    assert_eq!(items, BUDGET);
}

// Dropped.

#[tokio::test]
async fn a_dropped_loop_has_stopped_between_two_items_and_drops_its_stream() {
    let alive = Alive::default();
    let (begun, ended) = (Done::default(), Done::default());
    let source = alive.guard();
    let numbers = stream::iter(0..).inspect(move |_| {
        let _held = &source;
    });
    let work = for_each_with_budget(numbers, |_| {
        begun.one();
        assert_eq!(alive.count(), 1);
        ended.one();
    });
    let mut work = Box::pin(work);
    assert!(futures::poll!(&mut work).is_pending());
    assert_eq!((begun.count(), ended.count(), alive.count()), (BUDGET, BUDGET, 1));
    drop(work);
    assert_eq!((begun.count(), ended.count(), alive.count()), (BUDGET, BUDGET, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_can_be_spawned() {
    let numbers = tokio::spawn(Counter::below(9).collect::<Vec<_>>());
    tokio::spawn(for_each_with_budget(Counter::below(9), |_| {})).await.unwrap();
    assert_eq!(numbers.await.unwrap().len(), 9);
}
