use super::*;
use backend::Alive;
use backend::cancel::at_every_await;
use futures::{FutureExt, stream};
use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::num::ParseIntError;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// 1 to 1,000, each at once; counts how often it is polled.
fn counted(polls: &AtomicUsize) -> impl Stream<Item = usize> + Unpin + use<'_> {
    stream::poll_fn(|_| {
        let n = polls.fetch_add(1, Ordering::SeqCst) + 1;
        Poll::Ready((n <= 1_000).then_some(n))
    })
}

/// 1 to `last`, one every 10 ms.
fn every_10_ms(last: u64) -> stream::BoxStream<'static, u64> {
    let numbers = stream::iter(1..=last).then(|n| async move {
        sleep(ms(10)).await;
        n
    });
    numbers.boxed()
}

/// A channel that holds 1 to `last`, and its sender.
fn queued(last: u64) -> (mpsc::Sender<u64>, ReceiverStream<u64>) {
    let (sender, receiver) = mpsc::channel(100);
    for n in 1..=last {
        sender.try_send(n).unwrap();
    }
    (sender, ReceiverStream::new(receiver))
}

fn parse(text: &str) -> Result<u64, ParseIntError> {
    text.parse()
}

const OK: fn(u64) -> Result<u64, ParseIntError> = Ok;

// Fold and reduce.

#[tokio::test]
async fn the_numbers_to_a_hundred_add_up_to_5050() {
    let sum = stream::iter(1..=100).fold(0, |sum, n| ready(sum + n));
    assert_eq!(sum.await, 5_050);
    assert_eq!(reduce(stream::iter(1..=100), |a, b| a + b).await, Some(5_050));
    assert_eq!(total(stream::iter((1..=100).map(OK))).await, Ok(5_050));
    let numbers = tokio_stream::iter(1..=100);
    let sum = tokio_stream::StreamExt::fold(numbers, 0, |sum, n| sum + n);
    assert_eq!(sum.await, 5_050);
}

#[tokio::test]
async fn nothing_reduces_to_none_and_one_item_to_itself() {
    let never = |_, _| unreachable!("there are no two");
    assert_eq!(reduce(stream::iter([0; 0]), never).await, None);
    assert_eq!(reduce(stream::iter([7]), never).await, Some(7));
    assert_eq!(stream::empty::<u64>().fold(0, |_, _| ready(1)).await, 0);
    assert_eq!(total(stream::empty::<Result<_, ParseIntError>>()).await, Ok(0));
}

#[tokio::test]
async fn reduce_goes_from_the_first_item_to_the_last() {
    let words = stream::iter(["a", "b", "c"].map(str::to_owned));
    assert_eq!(reduce(words, |all, word| all + &word).await.unwrap(), "abc");
}

#[tokio::test]
async fn a_reduce_holds_two_items_where_a_vec_holds_ten_thousand() {
    let alive = Alive::default();
    let items = || stream::iter(0..10_000).map(|_| alive.guard());
    let peak = AtomicUsize::new(0);
    let second = |_, next| {
        peak.fetch_max(alive.count(), Ordering::SeqCst);
        next
    };
    assert!(reduce(items(), second).await.is_some());
    assert_eq!(peak.swap(0, Ordering::SeqCst), 2);
    assert!(naive::reduce(items(), second).await.is_some());
    assert_eq!(peak.into_inner(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn while_the_closure_waits_nobody_polls_the_source() {
    let start = Instant::now();
    let slowly = |sum, n| async move {
        sleep(ms(20)).await;
        sum + n
    };
    assert_eq!(every_10_ms(5).fold(0, slowly).await, 15);
    assert_eq!(start.elapsed(), ms(5 * (10 + 20)));
}

#[tokio::test]
async fn a_total_stops_at_the_first_error_and_polls_no_further() {
    let polls = AtomicUsize::new(0);
    let amount = |n| if n == 3 { parse("") } else { Ok(n as u64) };
    let mut amounts = counted(&polls).map(amount);
    let error = total(&mut amounts).await.unwrap_err();
    assert_eq!(error, TotalError::Source(parse("").unwrap_err()));
    assert_eq!(polls.load(Ordering::SeqCst), 3);
    assert_eq!(amounts.next().await.unwrap(), Ok(4), "the rest is still there");
}

#[tokio::test]
async fn a_fold_over_results_reads_on_after_the_error() {
    let polls = AtomicUsize::new(0);
    let amount = |n| if n == 3 { parse("") } else { Ok(n as u64) };
    let amounts = counted(&polls).map(amount);
    assert_eq!(naive::total(amounts).await, parse(""));
    assert_eq!(polls.load(Ordering::SeqCst), 1_001, "to the end");
    assert_eq!(naive::total(stream::iter([OK(1), OK(2)])).await, Ok(3));
}

#[tokio::test]
async fn a_total_too_large_is_an_error_and_polls_no_further() {
    let polls = AtomicUsize::new(0);
    let error = total(counted(&polls).map(|_| OK(u64::MAX / 2))).await;
    assert_eq!(error.unwrap_err(), TotalError::TooLarge);
    assert_eq!(polls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_error_keeps_its_source() {
    let error = total(stream::iter([parse("12 EUR")])).await.unwrap_err();
    assert_eq!(error.to_string(), "the amounts broke off");
    assert_eq!(error.source().unwrap().to_string(), "invalid digit found in string");
    let too_large: TotalError<ParseIntError> = TotalError::TooLarge;
    assert_eq!(too_large.to_string(), "the total is too large");
}

// What a dropped fold loses.

#[tokio::test(start_paused = true)]
async fn a_dropped_fold_drops_its_state_and_its_stream() {
    let (sums, sources) = (Alive::default(), Alive::default());
    let source = sources.guard();
    let numbers = every_10_ms(100).inspect(move |_| _ = &source);
    let start = (0, sums.guard());
    let fold = numbers.fold(start, |(sum, guard), n| ready((sum + n, guard)));
    assert!(timeout(ms(255), fold).await.is_err());
    assert_eq!((sums.count(), sources.count()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn dropped_in_its_closure_a_fold_loses_the_item_too() {
    let mut numbers = every_10_ms(100);
    let slowly = |sum, n| async move {
        sleep(ms(1_000)).await;
        sum + n
    };
    let fold = numbers.by_ref().fold(0, slowly);
    timeout(ms(500), fold).await.unwrap_err();
    assert_eq!(numbers.next().await, Some(2), "1 went with the fold");
}

#[tokio::test(start_paused = true)]
async fn dropped_anywhere_a_reduce_leaves_nothing_behind() {
    let alive = Alive::default();
    let guards = || {
        let alive = alive.clone();
        every_10_ms(5).map(move |_| alive.guard())
    };
    let nothing = || assert_eq!(alive.count(), 0);
    let one = || reduce(guards(), |_, next| next).map(drop);
    assert_eq!(at_every_await(one, |_, _| nothing()).await, 6);
    let runs = || reduce_runs(guards(), |_| (), |_, next| next).map(drop).count();
    assert_eq!(at_every_await(runs, |_, _| nothing()).await, 6);
}

#[tokio::test(start_paused = true)]
async fn dropped_again_and_again_fold_into_goes_on_where_it_was() {
    let start = Instant::now();
    let (mut numbers, mut sum, mut drops) = (every_10_ms(100), 0, 0);
    let add = |sum: &mut u64, n| *sum += n;
    while timeout(ms(301), fold_into(&mut numbers, &mut sum, add)).await.is_err() {
        drops += 1;
    }
    assert_eq!((sum, drops, start.elapsed()), (5_050, 3, ms(1_000)));
}

#[tokio::test(start_paused = true)]
async fn dropped_anywhere_the_state_has_all_that_was_taken() {
    let (taken, kept) = (AtomicU64::new(0), AtomicU64::new(0));
    let fold = || {
        taken.store(0, Ordering::SeqCst);
        kept.store(0, Ordering::SeqCst);
        let note = |n: &u64| _ = taken.fetch_add(*n, Ordering::SeqCst);
        let mut numbers = every_10_ms(10).inspect(note);
        let mut kept = &kept;
        async move {
            let add = |kept: &mut &AtomicU64, n| {
                kept.fetch_add(n, Ordering::SeqCst);
            };
            fold_into(&mut numbers, &mut kept, add).await;
        }
    };
    let same = |polls, end: Option<()>| {
        let kept = kept.load(Ordering::SeqCst);
        assert_eq!(kept, taken.load(Ordering::SeqCst), "{polls} polls");
        assert_eq!(end.is_some(), kept == 55, "{polls} polls");
    };
    assert_eq!(at_every_await(fold, same).await, 11);
}

#[tokio::test(start_paused = true)]
async fn a_fold_in_a_loop_loses_its_sum_at_each_report() {
    let (start, reports) = (Instant::now(), AtomicUsize::new(0));
    let report = || async {
        sleep(ms(301)).await;
        reports.fetch_add(1, Ordering::SeqCst);
    };
    let sum = naive::sum_and_report(every_10_ms(100), report).await;
    assert_eq!((sum, reports.into_inner()), (955, 3));
    assert_eq!(start.elapsed(), ms(1_000));
}

#[tokio::test(start_paused = true)]
async fn between_reports_the_sum_is_there() {
    let (mut numbers, mut sum, mut seen) = (every_10_ms(100), 0, Vec::new());
    let add = |sum: &mut u64, n| *sum += n;
    let due = || sleep(ms(301));
    while fold_until(&mut numbers, due(), &mut sum, add).await.is_some() {
        seen.push(sum);
    }
    assert_eq!((sum, seen), (5_050, vec![465, 1_830, 4_095]));
}

// Take and skip.

#[tokio::test]
async fn elements_11_to_15_cost_fifteen_polls() {
    let polls = AtomicUsize::new(0);
    let some: Vec<_> = part(counted(&polls), 10, 5).collect().await;
    assert_eq!(some, [11, 12, 13, 14, 15]);
    assert_eq!(polls.into_inner(), 15);
}

#[tokio::test]
async fn after_its_last_item_a_take_polls_no_more() {
    let polls = AtomicUsize::new(0);
    let mut some = pin!(part(counted(&polls), 10, 5));
    while some.next().await.is_some() {}
    assert_eq!(some.next().await, None);
    assert_eq!(polls.load(Ordering::SeqCst), 15);
}

#[tokio::test]
async fn taking_none_polls_for_none() {
    let polls = AtomicUsize::new(0);
    assert_eq!(part(counted(&polls), 10, 0).count().await, 0);
    assert_eq!(polls.load(Ordering::SeqCst), 0);
    assert_eq!(part(stream::pending::<()>(), 0, 0).count().await, 0);
}

#[tokio::test]
async fn a_short_stream_gives_what_it_has() {
    let to_twelve = || stream::iter(1..=12);
    assert_eq!(part(to_twelve(), 10, 5).collect::<Vec<_>>().await, [11, 12]);
    assert_eq!(part(to_twelve(), 20, 5).count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_filter_waits_for_a_sixteenth_for_ever() {
    let polls = AtomicUsize::new(0);
    let feed = stream::unfold(1, |n| async move {
        sleep(ms(1_000)).await;
        Some((n, n + 1))
    });
    let feed = feed.inspect(|_| _ = polls.fetch_add(1, Ordering::SeqCst));
    let some = naive::eleventh_to_fifteenth(feed);
    timeout(HOUR + ms(500), some).await.unwrap_err();
    assert_eq!(polls.into_inner(), 3_600);
    let finite = naive::eleventh_to_fifteenth(stream::iter(1..=20));
    assert_eq!(finite.await, [11, 12, 13, 14, 15]);
}

#[tokio::test]
async fn a_take_that_is_over_still_holds_its_source() {
    let (sender, numbers) = queued(3);
    let mut two = numbers.take(2);
    while two.next().await.is_some() {}
    assert!(!sender.is_closed(), "the producer may go on");
    drop(two);
    assert!(sender.is_closed());
}

#[tokio::test]
async fn what_was_not_taken_is_still_in_the_stream() {
    let (_sender, mut numbers) = queued(7);
    assert_eq!(numbers.by_ref().take(2).collect::<Vec<_>>().await, [1, 2]);
    let mut two = numbers.take(2);
    assert_eq!(two.next().await, Some(3));
    let mut numbers = two.into_inner();
    assert_eq!(numbers.by_ref().skip(1).next().await, Some(5));
    assert_eq!(numbers.next().await, Some(6));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_neither_item_nor_count() {
    let mut some = pin!(part(every_10_ms(100), 10, 5));
    for _ in 0..2 {
        timeout(ms(45), some.next()).await.unwrap_err();
    }
    assert_eq!(some.collect::<Vec<_>>().await, [11, 12, 13, 14, 15]);
}

#[tokio::test(start_paused = true)]
async fn a_skip_that_is_made_again_counts_from_zero() {
    let mut numbers = every_10_ms(100);
    timeout(ms(55), numbers.by_ref().skip(10).next()).await.unwrap_err();
    assert_eq!(numbers.by_ref().skip(10).next().await, Some(16));
}

// Take and skip while.

/// A hundred ones in runs of ten, with the number of their run.
fn ten_runs_of_ten() -> impl Stream<Item = (u64, u64)> + Unpin {
    stream::iter((0..100).map(|n| (n / 10, 1)))
}

#[tokio::test]
async fn each_run_keeps_its_first_item() {
    let add = |(run, sum), (_, n)| (run, sum + n);
    let runs = reduce_runs(ten_runs_of_ten(), |(run, _)| *run, add);
    let sums: Vec<_> = runs.map(|(run, item)| (run, item.1)).collect().await;
    assert_eq!(sums, (0..10).map(|run| (run, 10)).collect::<Vec<_>>());
}

#[tokio::test]
async fn take_while_loses_the_first_of_each_next_run() {
    let sums = naive::sum_runs(ten_runs_of_ten()).await;
    let expected = (0..10).map(|run| (run, if run == 0 { 10 } else { 9 }));
    assert_eq!(sums, expected.collect::<Vec<_>>());
    assert_eq!(sums.iter().map(|(_, sum)| sum).sum::<u64>(), 91);
}

#[tokio::test]
async fn a_run_may_come_again_and_no_items_are_no_runs() {
    let runs = reduce_runs(stream::iter([1, 1, 2, 1]), |n| *n, |a, b| a + b);
    assert_eq!(runs.collect::<Vec<_>>().await, [(1, 2), (2, 2), (1, 1)]);
    let mut none = pin!(reduce_runs(stream::iter([0; 0]), |n| *n, |a, _| a));
    assert_eq!(none.next().await, None);
    assert_eq!(none.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_run_comes_when_the_next_begins() {
    let start = Instant::now();
    let runs = reduce_runs(every_10_ms(6), |n| n / 3, |a, b| a * 10 + b);
    let came: Vec<_> = runs.map(|run| (start.elapsed(), run)).collect().await;
    let expected = [(30, (0, 12)), (60, (1, 345)), (60, (2, 6))];
    assert_eq!(came, expected.map(|(at, run)| (ms(at), run)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_for_a_run_loses_nothing() {
    let mut runs = pin!(reduce_runs(every_10_ms(6), |n| n / 3, |a, b| a + b));
    timeout(ms(25), runs.next()).await.unwrap_err();
    assert_eq!(runs.collect::<Vec<_>>().await, [(0, 3), (1, 12), (2, 6)]);
}

#[tokio::test]
async fn runs_keep_two_items_however_long_they_are() {
    let (alive, peak) = (Alive::default(), AtomicUsize::new(0));
    let items = stream::iter(0..10_000).map(|_| alive.guard());
    let combine = |_, next| {
        peak.fetch_max(alive.count(), Ordering::SeqCst);
        next
    };
    assert_eq!(reduce_runs(items, |_| (), combine).count().await, 1);
    assert_eq!(peak.into_inner(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_and_the_item_after_it_are_gone() {
    let mut numbers = every_10_ms(9);
    let mut runs = Box::pin(reduce_runs(&mut numbers, |n| n / 3, |a, b| a + b));
    assert_eq!(runs.next().await, Some((0, 3)));
    drop(runs);
    assert_eq!(numbers.next().await, Some(4), "3 was looked at");
}

#[tokio::test]
async fn take_while_takes_one_more_than_it_gives() {
    let (_sender, mut numbers) = queued(10);
    let small = numbers.by_ref().take_while(|n| ready(*n < 4));
    assert_eq!(small.collect::<Vec<_>>().await, [1, 2, 3]);
    assert_eq!(numbers.next().await, Some(5));
    let small = tokio_stream::StreamExt::take_while(&mut numbers, |n| *n < 7);
    assert_eq!(small.collect::<Vec<_>>().await, [6]);
    assert_eq!(numbers.next().await, Some(8));
}

#[tokio::test]
async fn next_if_leaves_the_item_that_it_does_not_take() {
    let (_sender, mut numbers) = queued(10);
    let mut peekable = pin!(numbers.by_ref().peekable());
    let mut small = Vec::new();
    while let Some(n) = peekable.as_mut().next_if(|n| *n < 4).await {
        small.push(n);
    }
    assert_eq!((small, peekable.next().await), (vec![1, 2, 3], Some(4)));
}

#[tokio::test]
async fn into_inner_of_a_peekable_drops_what_it_looked_at() {
    let (_sender, numbers) = queued(10);
    let mut peekable = numbers.peekable();
    assert_eq!(Pin::new(&mut peekable).peek().await, Some(&1));
    let mut numbers = peekable.into_inner();
    assert_eq!(numbers.next().await, Some(2));
}

#[tokio::test]
async fn skip_while_asks_until_it_hears_no() {
    let asked = RefCell::new(Vec::new());
    let small = |n: &u64| {
        asked.borrow_mut().push(*n);
        ready(*n < 3)
    };
    let rest = stream::iter([1, 2, 3, 1, 4]).skip_while(small);
    assert_eq!(rest.collect::<Vec<_>>().await, [3, 1, 4]);
    assert_eq!(asked.into_inner(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_decides_take_while_loses_the_item() {
    let (_sender, mut numbers) = queued(10);
    let slowly = |_: &u64| async {
        sleep(ms(100)).await;
        true
    };
    let mut some = Box::pin(numbers.by_ref().take_while(slowly));
    timeout(ms(50), some.next()).await.unwrap_err();
    assert_eq!(some.next().await, Some(1), "the adapter still had it");
    timeout(ms(50), some.next()).await.unwrap_err();
    drop(some);
    assert_eq!(numbers.next().await, Some(3));
}

// Take until.

#[tokio::test]
async fn the_stop_is_asked_before_each_item() {
    let asked = RefCell::new(String::new());
    let stop = poll_fn(|_| {
        asked.borrow_mut().push('?');
        let over = asked.borrow().len() > 4;
        if over { Poll::Ready(()) } else { Poll::Pending }
    });
    let items = stream::poll_fn(|_| {
        asked.borrow_mut().push('.');
        Poll::Ready((asked.borrow().len() < 100).then_some(()))
    });
    assert_eq!(items.take_until(stop).count().await, 2);
    assert_eq!(asked.into_inner(), "?.?.?");
}

#[tokio::test]
async fn told_before_the_first_poll_it_polls_for_nothing() {
    let polls = AtomicUsize::new(0);
    assert_eq!(counted(&polls).take_until(ready(())).count().await, 0);
    let (mut numbers, mut sum) = (counted(&polls), 0);
    let told = fold_until(&mut numbers, ready(7), &mut sum, |sum, n| *sum += n);
    assert_eq!((told.await, polls.load(Ordering::SeqCst)), (Some(7), 0));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_fold_gives_the_reason_and_keeps_state_and_rest() {
    let start = Instant::now();
    let (mut numbers, mut sum) = (every_10_ms(100), 0);
    let stop = async {
        sleep(ms(35)).await;
        "the shop closes"
    };
    let add = |sum: &mut u64, n| *sum += n;
    let reason = fold_until(&mut numbers, stop, &mut sum, add).await;
    assert_eq!((reason, sum), (Some("the shop closes"), 6));
    assert_eq!(start.elapsed(), ms(35));
    assert_eq!(numbers.next().await, Some(4));
    assert_eq!(start.elapsed(), ms(40));
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_when_it_is_told_stays_in_the_stream() {
    let (_sender, mut numbers) = queued(10);
    let (token, mut sum) = (CancellationToken::new(), 0);
    let add = |sum: &mut u64, n| {
        *sum += n;
        if n == 4 {
            token.cancel();
        }
    };
    let told = fold_until(&mut numbers, token.cancelled(), &mut sum, add).await;
    assert_eq!((told, sum), (Some(()), 10));
    assert_eq!(numbers.next().await, Some(5));
}

#[tokio::test]
async fn a_stream_that_ends_first_gives_no_reason_and_drops_the_stop() {
    let (alive, mut sum) = (Alive::default(), 0);
    let guard = alive.guard();
    let stop = async move {
        pending::<()>().await;
        drop(guard);
    };
    let add = |sum: &mut u64, n| *sum += n;
    let mut numbers = stream::iter(1..=100);
    let told = fold_until(&mut numbers, stop, &mut sum, add).await;
    assert_eq!((told, sum, alive.count()), (None, 5_050, 0));
}

#[tokio::test]
async fn a_stream_that_is_stopped_still_lives() {
    let (sender, numbers) = queued(3);
    let mut stopped = Box::pin(numbers.take_until(ready(())));
    assert_eq!(stopped.next().await, None);
    assert!(stopped.is_stopped() && !sender.is_closed());
    drop(stopped);
    assert!(sender.is_closed());
}

#[tokio::test(start_paused = true)]
async fn with_its_future_taken_out_it_does_not_stop() {
    let stop = Box::pin(sleep(ms(35)));
    let mut numbers = every_10_ms(100).take_until(stop);
    assert_eq!(numbers.next().await, Some(1));
    assert!(numbers.take_future().is_some());
    assert_eq!(numbers.count().await, 99);
}

#[tokio::test]
async fn an_always_ready_stream_keeps_the_thread_from_its_stop() {
    let start = std::time::Instant::now();
    let busy = stream::repeat(()).take_until(sleep(ms(1)));
    let mut busy = pin!(busy.take_while(|()| ready(start.elapsed() < ms(50))));
    while busy.next().await.is_some() {}
    assert!(!busy.get_ref().is_stopped(), "50 ms late, and still not told");
}

/// 100,000 items, each at once; counts them.
fn busy(taken: &Arc<AtomicUsize>) -> stream::BoxStream<'static, u64> {
    let taken = Arc::clone(taken);
    let items = stream::iter(0..100_000).inspect(move |_| {
        taken.fetch_add(1, Ordering::SeqCst);
    });
    items.boxed()
}

#[tokio::test]
async fn over_an_always_ready_stream_fold_until_hears_its_stop() {
    let taken = Arc::new(AtomicUsize::new(0));
    let (stop, mut numbers) = (CancellationToken::new(), busy(&taken));
    let told = stop.clone();
    let other = tokio::spawn(async move { stop.cancel() });
    let (mut count, add) = (0, |count: &mut usize, _| *count += 1);
    let end = fold_until(&mut numbers, told.cancelled(), &mut count, add).await;
    other.await.unwrap();
    assert_eq!((end, count), (Some(()), taken.load(Ordering::SeqCst)));
    assert!(count <= 128, "{count}: in its first turn");
    assert_eq!(numbers.next().await, Some(count as u64));
}

#[tokio::test]
async fn others_have_a_turn_however_many_items_come_at_once() {
    /// How many of 100,000 were taken when another task had its turn.
    async fn before_a_turn<F: Future>(
        run: impl FnOnce(stream::BoxStream<'static, u64>) -> F,
    ) -> usize {
        let taken = Arc::new(AtomicUsize::new(0));
        let turn = Arc::new(AtomicUsize::new(usize::MAX));
        let (seen, noted) = (Arc::clone(&taken), Arc::clone(&turn));
        let other = tokio::spawn(async move {
            noted.store(seen.load(Ordering::SeqCst), Ordering::SeqCst);
        });
        run(busy(&taken)).await;
        other.await.unwrap();
        turn.load(Ordering::SeqCst)
    }
    let raw = before_a_turn(|items| items.skip(200_000).count());
    assert_eq!(raw.await, 100_000, "`skip` takes them all in one poll");
    let raw = before_a_turn(|items| items.fold(0, |sum, n| ready(sum + n)));
    assert_eq!(raw.await, 100_000, "so does `fold`");
    let a_turn = |taken| (1..=128).contains(&taken);
    let some = before_a_turn(|items| part(items, 200_000, 1).count());
    assert!(a_turn(some.await));
    let sum = before_a_turn(|items| reduce(items, |a, b| a + b));
    assert!(a_turn(sum.await));
    let sum = before_a_turn(|items| total(items.map(OK)));
    assert!(a_turn(sum.await));
    let runs = before_a_turn(|items| reduce_runs(items, |_| (), |a, _| a).count());
    assert!(a_turn(runs.await));
    let into = before_a_turn(|mut items| async move {
        fold_into(&mut items, &mut 0, |sum, n| *sum += n).await;
    });
    assert!(a_turn(into.await));
}

#[tokio::test]
async fn a_stream_that_yields_hears_its_stop() {
    let token = CancellationToken::new();
    let told = token.clone();
    let other = tokio::spawn(async move { token.cancel() });
    let mut ones = pin!(tokio_stream::iter(std::iter::repeat(1)));
    ones.by_ref().take_until(told.cancelled()).count().await;
    other.await.unwrap();
    assert_eq!(ones.next().await, Some(1), "it had not ended by itself");
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let sum = reduce(every_10_ms(4), |a, b| a + b);
    assert_eq!(tokio::spawn(sum).await.unwrap(), Some(10));
    let sum = total(every_10_ms(4).map(OK));
    assert_eq!(tokio::spawn(sum).await.unwrap(), Ok(10));
    let some = part(every_10_ms(9), 2, 3).collect::<Vec<_>>();
    assert_eq!(tokio::spawn(some).await.unwrap(), [3, 4, 5]);
    let runs = reduce_runs(every_10_ms(4), |n| n / 2, |a, b| a + b);
    let runs = runs.collect::<Vec<_>>();
    assert_eq!(tokio::spawn(runs).await.unwrap(), [(0, 1), (1, 5), (2, 4)]);
    let sum = async {
        let (mut numbers, mut sum) = (every_10_ms(4), 0);
        let add = |sum: &mut u64, n| *sum += n;
        let stop = sleep(ms(25));
        fold_until(&mut numbers, stop, &mut sum, add).await;
        fold_into(&mut numbers, &mut sum, add).await;
        sum
    };
    assert_eq!(tokio::spawn(sum).await.unwrap(), 10);
}
