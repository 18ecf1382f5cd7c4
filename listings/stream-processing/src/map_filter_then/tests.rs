use super::*;
use backend::cancel::at_every_await;
use backend::{Alive, Load, Site};
use futures::FutureExt;
use futures::stream;
use std::cell::Cell;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const FIVE: NonZeroUsize = NonZeroUsize::new(5).unwrap();
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn square(n: u64) -> impl Future<Output = u64> + Send {
    sleep(ms(10)).map(move |()| n * n)
}

/// Asks a clone of `site`, 10 ms.
fn ask(
    site: &Site,
) -> impl Fn(u64) -> futures::future::BoxFuture<'static, u64> + use<> {
    let site = site.clone();
    move |n| site.fetch("/").map(move |page| page.map_or(0, |_| n)).boxed()
}

fn one_page() -> Site {
    Site::default().with_page("/", ms(10))
}

#[tokio::test]
async fn the_even_numbers_to_ten_doubled() {
    let even = stream::iter(1..=10).filter(|n| ready(n % 2 == 0)).map(|n| n * 2);
    assert_eq!(even.collect::<Vec<_>>().await, [4, 8, 12, 16, 20]);
    let both = |n: i32| ready((n % 2 == 0).then_some(n * 2));
    let even = stream::iter(1..=10).filter_map(both);
    assert_eq!(even.collect::<Vec<_>>().await, [4, 8, 12, 16, 20]);
}

#[tokio::test(start_paused = true)]
async fn one_after_another_five_answers_take_50_ms() {
    let start = Instant::now();
    let squares: Vec<_> = one_by_one(stream::iter(1..=5), square).collect().await;
    assert_eq!((squares, start.elapsed()), (vec![1, 4, 9, 16, 25], ms(50)));
}

#[tokio::test(start_paused = true)]
async fn five_at_once_take_10_ms_and_keep_the_order() {
    let start = Instant::now();
    let squares: Vec<_> =
        a_few_at_once(stream::iter(1..=5), FIVE, square).collect().await;
    assert_eq!((squares, start.elapsed()), (vec![1, 4, 9, 16, 25], ms(10)));
    let later = |n: u64| sleep(ms(60 - 10 * n)).map(move |()| n);
    let start = Instant::now();
    let items: Vec<_> = a_few_at_once(stream::iter(1..=5), FIVE, later).collect().await;
    assert_eq!((items, start.elapsed()), (vec![1, 2, 3, 4, 5], ms(50)));
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_limit_are_open() {
    let site = one_page();
    let start = Instant::now();
    let count = a_few_at_once(stream::iter(1..=6), TWO, ask(&site)).count().await;
    assert_eq!((count, site.load().peak, start.elapsed()), (6, 2, ms(30)));
    assert_eq!(one_by_one(stream::iter(1..=6), ask(&one_page())).count().await, 6);
    let site = one_page();
    one_by_one(stream::iter(1..=6), ask(&site)).count().await;
    assert_eq!(site.load().peak, 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_questions_are_made_than_are_open() {
    let (taken, made) = (Cell::new(0), Cell::new(0));
    let count = |counter: &Cell<usize>| counter.set(counter.get() + 1);
    let items = || {
        taken.set(0);
        made.set(0);
        stream::iter(1..=4).inspect(|_| count(&taken))
    };
    let ask = |n: u64| {
        count(&made);
        sleep(ms(n * 10)).map(|()| true)
    };
    let mut answers = pin!(one_by_one(items(), ask));
    assert_eq!((taken.get(), made.get()), (0, 0), "before the first poll");
    for open in [1, 2, 3, 4] {
        answers.next().await.unwrap();
        assert_eq!((taken.get(), made.get()), (open, open));
    }
    let mut answers = pin!(a_few_at_once(items(), TWO, ask));
    let mut kept = pin!(allowed(items(), TWO, |n| ask(*n)));
    assert_eq!((taken.get(), made.get()), (0, 0), "before the first poll");
    for open in [2, 3, 4, 4] {
        answers.next().await.unwrap();
        assert_eq!((taken.get(), made.get()), (open, open));
    }
    taken.set(0);
    made.set(0);
    for open in [2, 3, 4, 4] {
        kept.next().await.unwrap();
        assert_eq!((taken.get(), made.get()), (open, open));
    }
}

/// What each deposit leaves in the account, 10 ms for each question.
async fn deposit(balance: u64, amount: u64) -> u64 {
    sleep(ms(10)).await;
    balance + amount
}

#[tokio::test(start_paused = true)]
async fn a_question_that_needs_the_answer_before_gets_it() {
    let start = Instant::now();
    let amounts = || stream::iter([5, 7, 1]);
    let balances = with_the_answer_before(amounts(), 100, deposit);
    assert_eq!(balances.collect::<Vec<_>>().await, [105, 112, 113]);
    assert_eq!(start.elapsed(), ms(30), "one question after another");
    assert_eq!(amounts().fold(100, deposit).await, 113, "the last answer alone");
    // The closure of `then` gets the item, and not the answer before.
    let balances = one_by_one(amounts(), |amount| deposit(100, amount));
    assert_eq!(balances.collect::<Vec<_>>().await, [105, 107, 101]);
    let mut none = pin!(with_the_answer_before(stream::iter([]), 100, deposit));
    assert_eq!((none.next().await, none.next().await), (None, None));
}

// Turns for others.

/// Draws from a stream that leaves out all of 100,000 items, and tells how many of them
/// had been taken when another task of the thread had its turn.
async fn taken_before_a_turn<S: Stream>(
    leave_out: impl FnOnce(stream::LocalBoxStream<'static, i64>) -> S,
) -> Option<usize> {
    let (taken, turn) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let (count, seen, noted) = (Rc::clone(&taken), Rc::clone(&taken), Rc::clone(&turn));
    let items = stream::iter((0..100_000).map(|n: i64| -n))
        .inspect(move |_| count.set(count.get() + 1))
        .boxed_local();
    let other = async move { noted.set(Some(seen.get())) };
    let local = tokio::task::LocalSet::new();
    let left = async {
        tokio::task::spawn_local(other);
        leave_out(items).count().await
    };
    assert_eq!((local.run_until(left).await, taken.get()), (0, 100_000));
    turn.get().filter(|taken| *taken < 100_000)
}

#[tokio::test]
async fn others_have_a_turn_however_many_items_are_left_out() {
    let raw = taken_before_a_turn(|items| items.filter(|_| ready(false)));
    assert_eq!(raw.await, None, "`filter` leaves them all out in one poll");
    let polite =
        taken_before_a_turn(|items| cooperative(items).filter(|_| ready(false)));
    let a_turn = |taken: Option<usize>| taken.is_some_and(|taken| taken <= 128 + 5);
    assert!(a_turn(polite.await));
    let kept = taken_before_a_turn(|items| allowed(items, FIVE, |_| ready(false)));
    assert!(a_turn(kept.await));
    let found = taken_before_a_turn(|items| {
        looked_up(items.map(Ok::<_, ()>), |n| ready(Ok(n)))
    });
    assert!(a_turn(found.await));
}

#[tokio::test(start_paused = true)]
async fn a_cooperative_stream_gives_all_items_and_its_waits_cost_no_budget() {
    let numbers = cooperative(stream::iter(0..1_000));
    assert!(numbers.collect::<Vec<_>>().await.into_iter().eq(0..1_000));
    let mut quiet = pin!(cooperative(stream::pending::<()>()));
    for _ in 0..1_000 {
        assert!(futures::poll!(quiet.next()).is_pending());
        assert!(coop::has_budget_remaining());
    }
    let (alive, start) = (Alive::default(), Instant::now());
    let items = stream::iter(1..=3).then(|n| sleep(ms(10)).map(move |()| n));
    let items = items.map(|n| (n, alive.guard()));
    let mut items = Box::pin(cooperative(items));
    for _ in 0..2 {
        assert!(timeout(ms(4), items.next()).await.is_err());
    }
    assert_eq!(items.next().await.map(|(n, _)| n), Some(1));
    assert_eq!((start.elapsed(), alive.count()), (ms(10), 0));
    drop(items);
    assert_eq!(start.elapsed(), ms(10));
}

#[tokio::test(start_paused = true)]
async fn a_predicate_that_waits_is_asked_a_few_at_a_time() {
    let keep = |n: &u64| {
        sleep(ms(10)).map({
            let even = n.is_multiple_of(2);
            move |()| even
        })
    };
    let start = Instant::now();
    let kept: Vec<_> = allowed(stream::iter(1..=5), FIVE, keep).collect().await;
    assert_eq!((kept, start.elapsed()), (vec![2, 4], ms(10)));
    let start = Instant::now();
    let kept: Vec<_> = naive::allowed(stream::iter(1..=5), keep).collect().await;
    assert_eq!((kept, start.elapsed()), (vec![2, 4], ms(50)));
}

#[tokio::test(start_paused = true)]
async fn allowed_keeps_the_order_when_the_last_answer_is_there_first() {
    let later = |n: &u64| sleep(ms(60 - 10 * n)).map(|()| true);
    let start = Instant::now();
    let kept: Vec<_> = allowed(stream::iter(1..=5), FIVE, later).collect().await;
    assert_eq!((kept, start.elapsed()), (vec![1, 2, 3, 4, 5], ms(50)));
    let start = Instant::now();
    assert_eq!(allowed(stream::iter(1..=4), TWO, later).count().await, 4);
    assert_eq!(start.elapsed(), ms(50 + 30), "two at a time");
}

#[tokio::test(start_paused = true)]
async fn numbers_are_looked_up_one_after_another_in_their_order() {
    let later =
        |n: i64| sleep(ms(60 - 10 * n.unsigned_abs())).map(move |()| Ok::<_, ()>(n));
    let start = Instant::now();
    let numbers = stream::iter([Ok(1), Ok(5), Ok(3)]);
    let answers: Vec<_> = looked_up(numbers, later).try_collect().await.unwrap();
    assert_eq!((answers, start.elapsed()), (vec![1, 5, 3], ms(50 + 10 + 30)));
}

#[tokio::test]
async fn a_map_makes_futures_and_runs_none() {
    let begun = Cell::new(0);
    let ask = |n: u64| {
        let begun = &begun;
        async move {
            begun.set(begun.get() + 1);
            n
        }
    };
    let futures = naive::answers(stream::iter(1..=5), ask).await;
    assert_eq!((futures.len(), begun.get()), (5, 0));
    assert_eq!(futures::future::join_all(futures).await, [1, 2, 3, 4, 5]);
    assert_eq!(begun.get(), 5);
}

#[tokio::test]
async fn an_error_passes_by_and_ends_nothing() {
    let asked = Cell::new(0);
    let look_up = |n: i64| {
        asked.set(asked.get() + 1);
        ready(if n == 7 { Err("no seven") } else { Ok(n * 10) })
    };
    let numbers = [Ok(1), Err("broken"), Ok(-1), Ok(7), Ok(0), Ok(2)];
    let numbers = stream::iter(numbers);
    let answers: Vec<_> = looked_up(numbers, look_up).collect().await;
    assert_eq!(answers, [Ok(10), Err("broken"), Err("no seven"), Ok(20)]);
    assert_eq!(asked.get(), 3, "neither for the error nor for -1 and 0");
}

/// How many items are left in the stream, once it was asked for one that is dropped.
async fn held<S: Stream>(stream: S, alive: &Alive) -> usize {
    let mut stream = pin!(stream);
    drop(futures::poll!(stream.next()));
    alive.count()
}

#[tokio::test(start_paused = true)]
async fn what_each_of_them_holds_while_it_waits_or_nobody_asks() {
    let alive = Alive::default();
    let many = || stream::iter(0..9).map(|_| alive.guard());
    let few = || many().take(2).chain(stream::pending());
    let work = |item| sleep(ms(10)).map(move |()| item);
    assert_eq!(held(many().map(|item| item), &alive).await, 0);
    assert_eq!(held(many().filter(|_| ready(true)), &alive).await, 0);
    assert_eq!(held(many().filter(|_| pending::<bool>()), &alive).await, 1);
    assert_eq!(held(many().take(2), &alive).await, 0);
    assert_eq!(held(tokio_stream::StreamExt::merge(many(), many()), &alive).await, 0);
    assert_eq!(held(one_by_one(many(), work), &alive).await, 1);
    assert_eq!(held(a_few_at_once(many(), FIVE, work), &alive).await, 5);
    assert_eq!(held(many().chunks(5), &alive).await, 0, "it was full, and is gone");
    assert_eq!(held(few().chunks(5), &alive).await, 2);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn and_then_asks_one_at_a_time_and_try_buffered_a_few() {
    let numbers = || stream::iter((1..=5).map(Ok::<u64, ()>));
    let ask = |n| square(n).map(Ok);
    let start = Instant::now();
    let one: Vec<_> = numbers().and_then(ask).try_collect().await.unwrap();
    assert_eq!((one, start.elapsed()), (vec![1, 4, 9, 16, 25], ms(50)));
    let start = Instant::now();
    let few = numbers().map_ok(ask).try_buffered(5);
    let few: Vec<_> = few.try_collect().await.unwrap();
    assert_eq!((few, start.elapsed()), (vec![1, 4, 9, 16, 25], ms(10)));
}

#[tokio::test]
async fn collecting_results_stops_at_the_first_error() {
    let taken = Cell::new(0);
    let numbers = stream::iter([Ok(1), Err("broken"), Ok(2)])
        .inspect(|_| taken.set(taken.get() + 1))
        .map_ok(|n: i32| n * 2);
    assert_eq!(numbers.try_collect::<Vec<_>>().await, Err("broken"));
    assert_eq!(taken.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn at_the_first_error_the_window_is_dropped_with_its_answers() {
    let site = one_page();
    let work = |n: u64| {
        let page = site.fetch("/");
        async move {
            if n == 1 {
                sleep(ms(20)).await;
                return Err("the first");
            }
            page.await.map_err(|_| "no page").map(drop)?;
            if n > 2 {
                sleep(ms(50)).await;
            }
            Ok(n)
        }
    };
    let window = a_few_at_once(stream::iter(1..=9), TWO.saturating_add(1), work);
    assert_eq!(window.try_collect::<Vec<_>>().await, Err("the first"));
    let load = Load { calls: 2, peak: 2, answered: 2, ..Load::default() };
    assert_eq!(site.load(), load, "answered, paid for, and gone; six never asked");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_keeps_its_question() {
    for limit in [None, Some(FIVE)] {
        let (site, start) = (one_page(), Instant::now());
        let items = stream::iter(1..=2);
        let mut answers = match limit {
            None => one_by_one(items, ask(&site)).boxed(),
            Some(limit) => a_few_at_once(items, limit, ask(&site)).boxed(),
        };
        for _ in 0..3 {
            timeout(ms(3), answers.next()).await.unwrap_err();
        }
        assert_eq!((answers.next().await, start.elapsed()), (Some(1), ms(10)));
        assert_eq!(answers.collect::<Vec<_>>().await, [2]);
        assert_eq!(site.load().calls, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_nothing_in_flight() {
    let site = one_page();
    let none = || assert_eq!(site.load().in_flight, 0);
    let one = || one_by_one(stream::iter(1..=3), ask(&site)).count();
    assert_eq!(at_every_await(one, |_, _| none()).await, 4);
    let few = || a_few_at_once(stream::iter(1..=3), TWO, ask(&site)).count();
    assert!(at_every_await(few, |_, _| none()).await >= 3);
    let kept = || {
        let site = site.clone();
        let keep = move |_: &u64| site.fetch("/").map(|page| page.is_ok());
        allowed(stream::iter(1..=3), TWO, keep).count()
    };
    assert!(at_every_await(kept, |_, _| none()).await >= 3);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_window_loses_finished_answers() {
    let site = Site::default().with_page("1", ms(30)).with_page("2", ms(10));
    let fetch = |path: &'static str| site.fetch(path);
    let answers = a_few_at_once(stream::iter(["1", "2"]), TWO, fetch).count();
    timeout(ms(20), answers).await.unwrap_err();
    let load = site.load();
    assert_eq!((load.answered, load.dropped), (1, 1), "2 was answered, and is gone");
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let items = || stream::iter(1..=3);
    let one = tokio::spawn(one_by_one(items(), square).count());
    let few = tokio::spawn(a_few_at_once(items(), TWO, square).count());
    let kept = tokio::spawn(allowed(items(), TWO, |n| ready(*n > 1)).count());
    let numbers = stream::iter([Ok::<_, ()>(1)]);
    let looked_up = tokio::spawn(looked_up(numbers, |n| ready(Ok(n))).count());
    let ask = |before, item| ready(before + item);
    let asked = tokio::spawn(with_the_answer_before(items(), 0, ask).count());
    let same = tokio::spawn(cooperative(items()).count());
    let counts = futures::try_join!(one, few, kept, looked_up, asked, same).unwrap();
    assert_eq!(counts, (3, 3, 2, 1, 3, 3));
}
