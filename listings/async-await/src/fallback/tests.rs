use super::*;
use backend::alive::left_at_drops;
use backend::{Alive, cancel};
use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::yield_now;
use tokio::time::{advance, sleep};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum StockError {
    #[error("connection refused")]
    Down,
    #[error("there is no such item")]
    Unknown,
}
use StockError::{Down, Unknown};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Answers `answer` after `wait`, and fails if it needs more than 100 ms.
fn source<'a, T: Send + 'a>(
    name: &'static str,
    wait: Duration,
    answer: Result<T, StockError>,
) -> Source<'a, T, StockError> {
    Source::new(name, ms(100), move || async move {
        sleep(wait).await;
        answer
    })
}

/// Only an unknown item is the answer.
fn unless_unknown(error: &SourceError<StockError>) -> OnError {
    match error {
        SourceError::Failed { source: Unknown, .. } => OnError::Fail,
        _ => OnError::FallBack,
    }
}

const fn failed(by: &'static str, source: StockError) -> SourceError<StockError> {
    SourceError::Failed { by, source }
}

const fn timed_out(by: &'static str) -> SourceError<StockError> {
    SourceError::TimedOut { by, limit: ms(100) }
}

// One source after another

#[tokio::test(start_paused = true)]
async fn a_fallback_is_not_even_called_when_the_first_source_answers() {
    let calls = AtomicU32::new(0);
    let backup = Source::new("backup", ms(100), || {
        calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(2))
    });
    let answer =
        with_fallbacks(source("first", ms(10), Ok(1)), [backup], unless_unknown);
    assert_eq!(answer.await, Ok(Answered { value: 1, by: "first" }));
    assert_eq!(calls.into_inner(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_an_error_the_next_source_answers_and_is_named() {
    let start = Instant::now();
    let first = source("first", ms(10), Err(Down));
    let second = source("second", ms(20), Err(Down));
    let third = source("third", ms(30), Ok(3));
    let answer = with_fallbacks(first, [second, third], unless_unknown).await;
    assert_eq!(answer, Ok(Answered { value: 3, by: "third" }));
    assert_eq!(start.elapsed(), ms(60));
}

#[tokio::test(start_paused = true)]
async fn a_later_source_is_not_called_when_an_earlier_one_answers() {
    let third =
        Source::new("third", ms(100), || -> BoxFuture<'_, Result<u32, StockError>> {
            unreachable!("the second one answers")
        });
    let second = source("second", ms(20), Ok(2));
    let first = source("first", ms(10), Err(Down));
    let answer = with_fallbacks(first, [second, third], unless_unknown).await;
    assert_eq!(answer, Ok(Answered { value: 2, by: "second" }));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_the_answer_is_not_masked() {
    let start = Instant::now();
    let backup = source("backup", ms(10), Ok(0));
    let first = source("first", ms(10), Err(Unknown));
    let answer = with_fallbacks(first, [backup], unless_unknown).await;
    let last = failed("first", Unknown);
    assert_eq!(answer, Err(NoAnswer { earlier: Vec::new(), last }));
    assert_eq!(start.elapsed(), ms(10));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_fallback_can_be_the_answer_too() {
    let third = source("third", ms(10), Ok(0));
    let second = source("second", ms(10), Err(Unknown));
    let first = source("first", ms(10), Err(Down));
    let answer = with_fallbacks(first, [second, third], unless_unknown).await;
    let earlier = vec![failed("first", Down)];
    assert_eq!(answer, Err(NoAnswer { earlier, last: failed("second", Unknown) }));
}

#[tokio::test(start_paused = true)]
async fn if_both_fail_both_errors_are_kept_and_printed_once() {
    let backup = source::<u32>("backup", ms(10), Err(Unknown));
    let first = source("first", ms(10), Err(Down));
    let answer = with_fallbacks(first, [backup], |_| OnError::FallBack).await;
    let error = answer.unwrap_err();
    assert_eq!(error.earlier, [failed("first", Down)]);
    assert_eq!(error.last, failed("backup", Unknown));
    assert_eq!(
        error.to_string(),
        "no answer, after first returned an error (connection refused)"
    );
    let last = error.source().unwrap();
    assert_eq!(last.to_string(), "backup returned an error");
    assert_eq!(last.source().unwrap().downcast_ref(), Some(&Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_timed_out_is_printed_with_its_limit() {
    let backup = source::<u32>("backup", ms(200), Err(Down));
    let first = source("first", ms(300), Ok(1));
    let error = with_fallbacks(first, [backup], unless_unknown).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer, after first gave no answer within 100ms");
    let last = error.source().unwrap();
    assert_eq!(last.to_string(), "backup gave no answer within 100ms");
    assert!(last.source().is_none());
}

#[tokio::test(start_paused = true)]
async fn each_source_has_its_own_limit() {
    let start = Instant::now();
    let backup = Source::new("backup", ms(50), pending::<Result<u32, StockError>>);
    let first = Source::new("first", ms(100), pending);
    let answer = with_fallbacks(first, [backup], unless_unknown);
    let answer = timeout(ms(1000), answer).await.expect("both have a limit");
    let last = SourceError::TimedOut { by: "backup", limit: ms(50) };
    assert_eq!(answer, Err(NoAnswer { earlier: vec![timed_out("first")], last }));
    assert_eq!(start.elapsed(), ms(150));
}

#[tokio::test(start_paused = true)]
async fn with_one_limit_around_all_a_first_source_that_hangs_uses_all_the_time() {
    let backup = Source::new("backup", Duration::MAX, || -> BoxFuture<'_, _> {
        unreachable!("no time is left")
    });
    let first = Source::new("first", Duration::MAX, pending::<Result<u32, StockError>>);
    let answer = with_fallbacks(first, [backup], unless_unknown);
    timeout(ms(150), answer).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_source_that_timed_out_is_dropped_before_the_next_is_asked() {
    let alive = Alive::default();
    let guard = alive.guard();
    let first = Source::new("first", ms(100), || async move {
        let _guard = guard;
        pending().await
    });
    let backup =
        Source::new("backup", ms(100), || ready(Ok::<_, StockError>(alive.count())));
    let answer = with_fallbacks(first, [backup], unless_unknown).await;
    assert_eq!(answer, Ok(Answered { value: 0, by: "backup" }));
}

#[tokio::test(start_paused = true)]
async fn each_error_is_seen_once_and_before_the_next_source_is_asked() {
    let start = Instant::now();
    let seen = RefCell::new(Vec::new());
    let third = source::<u32>("third", ms(20), Err(Down));
    let second = source("second", ms(200), Ok(2));
    let first = source("first", ms(10), Err(Down));
    let on_error = |error: &SourceError<StockError>| {
        seen.borrow_mut().push((error.clone(), start.elapsed()));
        OnError::FallBack
    };
    let answer = with_fallbacks(first, [second, third], on_error).await;
    answer.unwrap_err();
    let expected = [
        (failed("first", Down), ms(10)),
        (timed_out("second"), ms(110)),
        (failed("third", Down), ms(130)),
    ];
    assert_eq!(seen.into_inner(), expected);
}

#[tokio::test(start_paused = true)]
async fn without_a_fallback_it_is_one_question_with_a_limit() {
    let first = source("first", ms(200), Ok(1));
    let answer = with_fallbacks(first, [], |_| OnError::FallBack).await;
    assert_eq!(answer, Err(NoAnswer { earlier: Vec::new(), last: timed_out("first") }));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_the_question_is_dropped_and_nobody_else_is_asked() {
    let chain = |alive: &Alive| {
        let ask = |name| {
            let guard = alive.guard();
            Source::new(name, ms(100), move || async move {
                let _guard = guard;
                sleep(ms(10)).await;
                Err::<u32, _>(Down)
            })
        };
        with_fallbacks(ask("first"), [ask("second")], |_| OnError::FallBack)
    };
    assert_eq!(left_at_drops(chain).await, 0);

    let asked = AtomicU32::new(0);
    let make = || {
        asked.store(0, Ordering::SeqCst);
        let ask = |name| {
            Source::new(name, ms(100), || {
                asked.fetch_add(1, Ordering::SeqCst);
                sleep(ms(10)).map(|()| Err::<u32, _>(Down))
            })
        };
        with_fallbacks(ask("first"), [ask("second")], |_| OnError::FallBack)
    };
    let drops = cancel::at_every_await(make, |polls, _output| {
        assert_eq!(asked.load(Ordering::SeqCst), polls.min(2) as u32);
    });
    assert_eq!(drops.await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_sources_can_be_spawned() {
    let chain = with_fallbacks(
        source("first", ms(10), Err(Down)),
        [source("second", ms(10), Ok(2))],
        unless_unknown,
    );
    let answer = tokio::spawn(chain).await.unwrap();
    assert_eq!(answer, Ok(Answered { value: 2, by: "second" }));
}

#[tokio::test(start_paused = true)]
async fn a_source_may_borrow_from_its_caller() {
    let items = [7];
    let first = Source::new("first", ms(100), || async {
        items.first().copied().ok_or(Unknown)
    });
    let answer = with_fallbacks(first, [], unless_unknown).await;
    assert_eq!(answer, Ok(Answered { value: 7, by: "first" }));
}

// The wrong ones, and what is right

#[tokio::test]
async fn with_zero_for_an_error_an_unknown_item_is_sold_out() {
    assert_eq!(naive::in_stock(ready(Ok::<_, StockError>(5))).await, 5);
    assert_eq!(naive::in_stock(ready(Err(Unknown))).await, 0);
    assert_eq!(naive::in_stock(ready(Err(Down))).await, 0);
}

#[tokio::test]
async fn a_fallback_in_the_argument_of_or_is_asked_each_time() {
    let calls = Cell::new(0);
    let backup = || {
        calls.set(calls.get() + 1);
        ready(Ok(2))
    };
    for _ in 0..100 {
        let answer = naive::or_backup(|| ready(Ok::<_, StockError>(1)), backup).await;
        assert_eq!(answer, Ok(1));
    }
    assert_eq!(calls.get(), 100);
    for _ in 0..100 {
        let answer = or_backup(|| ready(Ok(1)), |_| (), backup).await;
        assert_eq!(answer, Ok(1));
    }
    assert_eq!(calls.get(), 100);
}

#[tokio::test]
async fn in_the_arm_of_the_error_it_is_asked_once_and_the_error_is_seen() {
    let (calls, seen) = (Cell::new(0), Cell::new(None));
    let backup = || {
        calls.set(calls.get() + 1);
        ready(Ok::<_, StockError>(2))
    };
    let on_error = |error: &StockError| seen.set(Some(*error));
    assert_eq!(or_backup(|| ready(Err(Down)), on_error, backup).await, Ok(2));
    assert_eq!((calls.get(), seen.get()), (1, Some(Down)));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_at_the_same_service_doubles_its_calls() {
    let calls = AtomicU32::new(0);
    let sick = |_path| {
        calls.fetch_add(1, Ordering::SeqCst);
        ready(Err(Down))
    };
    for _ in 0..100 {
        let answer = naive::twice_in_stock(ms(100), sick, |_| OnError::FallBack).await;
        answer.unwrap_err();
    }
    assert_eq!(calls.swap(0, Ordering::SeqCst), 200);
    for _ in 0..100 {
        let answer = in_stock(ms(100), sick, || ready(Ok(7)), |_| OnError::FallBack);
        assert_eq!(answer.await, Ok(Answered { value: 7, by: "copy" }));
    }
    assert_eq!(calls.into_inner(), 100);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_in_stock_is_for_each_of_its_sources() {
    let start = Instant::now();
    let never = |_path| pending::<Result<u32, StockError>>();
    let answer = in_stock(ms(30), never, pending, |_| OnError::FallBack);
    let answer = timeout(ms(1000), answer).await.expect("both have a limit");
    assert_eq!(answer.unwrap_err().earlier.len(), 1);
    assert_eq!(start.elapsed(), ms(60));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_for_each_caller_makes_100_loads_that_nobody_owns() {
    let loads = Arc::new(AtomicU32::new(0));
    let last = Arc::new(Mutex::new(0));
    for _ in 0..100 {
        let loads = Arc::clone(&loads);
        let load = || async move {
            sleep(ms(10)).await;
            loads.fetch_add(1, Ordering::SeqCst) + 1
        };
        assert_eq!(naive::at_once(&last, load), 0);
    }
    let kept = Arc::downgrade(&last);
    drop(last);
    sleep(ms(5)).await;
    assert!(kept.upgrade().is_some()); // by the tasks
    sleep(ms(10)).await;
    assert_eq!(loads.load(Ordering::SeqCst), 100);
}

// The last good value

const FRESH: Duration = Duration::from_mins(1);
const OLDEST: Duration = Duration::from_mins(5);
const MILLI: Duration = ms(1);

/// So many milliseconds earlier.
const fn before(time: Duration, n: u64) -> Duration {
    ms(time.as_millis() as u64 - n)
}

fn ages() -> Ages {
    Ages { fresh: FRESH, stale: Duration::from_mins(4), limit: ms(100) }
}

/// A service that answers after 10 ms what it is told to, and counts its calls.
#[derive(Clone, Default)]
struct Service {
    calls: Arc<AtomicU32>,
    fails: Arc<Mutex<Option<StockError>>>,
    alive: Alive,
}

impl Service {
    /// The number of the call.
    fn load(&self) -> impl Future<Output = Result<u32, StockError>> + Send + use<> {
        let (this, guard) = (self.clone(), self.alive.guard());
        let call = this.calls.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let _guard = guard;
            sleep(ms(10)).await;
            let fails = *this.fails.lock().unwrap();
            fails.map_or(Ok(call), Err)
        }
    }

    fn fail(&self, error: impl Into<Option<StockError>>) {
        *self.fails.lock().unwrap() = error.into();
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    fn stale(&self) -> Stale<u32, StockError> {
        let service = self.clone();
        Stale::new("stock service", ages(), move || service.load(), unless_unknown)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what `ok` gives")]
fn aged(value: u32, age: Duration) -> Option<Aged<u32>> {
    Some(Aged { value, age })
}

/// The last error of what has no value.
fn why<T>(
    answer: Result<Aged<T>, NoValue<StockError>>,
) -> Option<SourceError<StockError>> {
    match answer {
        Ok(good) => panic!("it is {:?} old", good.age),
        Err(error) => error.last.map(|last| (*last).clone()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_value_is_given_without_a_load() {
    let service = Service::default();
    let stale = service.stale();
    assert_eq!(stale.ask_first().await.ok(), aged(1, ms(10)));
    advance(before(FRESH, 11)).await;
    assert_eq!(stale.at_once().ok(), aged(1, before(FRESH, 1)));
    sleep(ms(20)).await;
    assert_eq!(service.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_value_is_given_at_once_while_one_refresh_runs() {
    let service = Service::default();
    let stale = service.stale();
    stale.ask_first().await.unwrap();
    advance(before(FRESH, 10)).await;
    for _ in 0..100 {
        assert_eq!(stale.at_once().ok(), aged(1, FRESH));
    }
    sleep(ms(5)).await;
    for _ in 0..100 {
        assert_eq!(stale.at_once().ok(), aged(1, FRESH + ms(5)));
    }
    sleep(ms(6)).await;
    assert_eq!(stale.at_once().ok(), aged(2, ms(11)));
    sleep(ms(20)).await;
    assert_eq!(service.calls(), 2);
}

#[test]
fn several_threads_that_ask_at_once_begin_one_refresh() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let service = Service::default();
    let stale = service.stale();
    let together = std::sync::Barrier::new(8);
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let _inside = runtime.enter();
                together.wait();
                stale.at_once().map(|good| good.value).unwrap_err();
            });
        }
    });
    // Nothing has run yet, so each refresh that was begun is still there.
    assert_eq!(runtime.metrics().num_alive_tasks(), 1);
    runtime.block_on(async { sleep(ms(20)).await });
    assert_eq!(service.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_needs_longer_than_fresh_is_still_the_only_one() {
    let service = Service::default();
    let loads = service.clone();
    let ages = Ages { fresh: MILLI, ..ages() };
    let stale = Stale::new("one", ages, move || loads.load(), unless_unknown);
    stale.ask_first().await.unwrap();
    for _ in 0..5 {
        stale.at_once().unwrap();
        sleep(ms(2)).await;
    }
    assert_eq!(service.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_keeps_the_old_value_up_to_its_greatest_age() {
    let service = Service::default();
    let stale = service.stale();
    stale.ask_first().await.unwrap();
    service.fail(Down);
    advance(before(OLDEST, 50)).await;
    assert_eq!(stale.at_once().ok(), aged(1, before(OLDEST, 40)));
    sleep(ms(39)).await; // the refresh has failed
    assert_eq!(stale.at_once().ok(), aged(1, before(OLDEST, 1)));
    sleep(MILLI).await;
    assert_eq!(why(stale.at_once()), Some(failed("stock service", Down)));
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_refresh_the_next_begins_when_one_fresh_time_has_passed() {
    let service = Service::default();
    let stale = service.stale();
    stale.ask_first().await.unwrap();
    service.fail(Down);
    advance(FRESH).await;
    stale.at_once().unwrap(); // 2nd call
    sleep(before(FRESH, 1)).await;
    stale.at_once().unwrap();
    sleep(MILLI).await;
    assert_eq!(service.calls(), 2);
    service.fail(None);
    stale.at_once().unwrap(); // 3rd call
    sleep(ms(20)).await;
    assert_eq!(stale.at_once().ok(), aged(3, ms(20)));
}

#[tokio::test(start_paused = true)]
async fn without_a_value_too_a_failed_refresh_is_not_tried_again_before_its_time() {
    let service = Service::default();
    let stale = service.stale();
    service.fail(Down);
    assert!(stale.at_once().is_err()); // 1st call
    sleep(before(FRESH, 1)).await;
    service.fail(None);
    assert_eq!(why(stale.at_once()), Some(failed("stock service", Down)));
    assert_eq!(service.calls(), 1);
    sleep(MILLI).await;
    assert!(stale.at_once().is_err()); // 2nd call
    sleep(ms(20)).await;
    assert_eq!(stale.at_once().ok(), aged(2, ms(20)));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_the_answer_ends_the_old_value() {
    let service = Service::default();
    let stale = service.stale();
    stale.ask_first().await.unwrap();
    service.fail(Unknown);
    advance(FRESH).await;
    assert_eq!(stale.at_once().unwrap().value, 1); // not known yet
    sleep(ms(11)).await;
    assert_eq!(why(stale.at_once()), Some(failed("stock service", Unknown)));
}

#[tokio::test(start_paused = true)]
async fn each_error_of_a_refresh_is_seen() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let load = || async { Err::<u32, _>(Down) };
    let stale = Stale::new("stock service", ages(), load, move |error| {
        log.lock().unwrap().push(error.clone());
        OnError::FallBack
    });
    assert_eq!(why(stale.at_once()), None);
    yield_now().await;
    assert_eq!(*seen.lock().unwrap(), [failed("stock service", Down)]);
    stale.ask_first().await.unwrap_err();
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_any_value_it_says_so_and_begins_to_load() {
    let service = Service::default();
    let stale = service.stale();
    let error = stale.at_once().map(|good| good.value).unwrap_err();
    assert_eq!(error.to_string(), "there is no value that is young enough");
    assert!(error.source().is_none());
    sleep(ms(11)).await;
    assert_eq!(stale.at_once().ok(), aged(1, ms(11)));
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_the_source_of_a_missing_value() {
    let service = Service::default();
    service.fail(Down);
    let error = service.stale().ask_first().await.map(|good| good.value).unwrap_err();
    let last = error.source().unwrap();
    assert_eq!(last.to_string(), "stock service returned an error");
    assert_eq!(last.source().unwrap().downcast_ref(), Some(&Down));
}

#[tokio::test(start_paused = true)]
async fn a_good_load_makes_an_earlier_error_forgotten() {
    let service = Service::default();
    let stale = service.stale();
    service.fail(Down);
    assert_eq!(why(stale.ask_first().await), Some(failed("stock service", Down)));
    service.fail(None);
    stale.ask_first().await.unwrap();
    advance(OLDEST).await;
    assert_eq!(why(stale.at_once()), None);
}

#[tokio::test(start_paused = true)]
async fn asked_first_a_service_that_fails_leaves_the_old_value_with_its_age() {
    let service = Service::default();
    let stale = service.stale();
    assert_eq!(stale.ask_first().await.ok(), aged(1, ms(10)));
    service.fail(Down);
    advance(ms(4990)).await;
    assert_eq!(stale.ask_first().await.ok(), aged(1, ms(5010)));
    service.fail(Unknown);
    assert_eq!(why(stale.ask_first().await), Some(failed("stock service", Unknown)));
}

#[tokio::test(start_paused = true)]
async fn a_load_has_a_limit() {
    let start = Instant::now();
    let never = pending::<Result<u32, StockError>>;
    let stale = Stale::new("stock service", ages(), never, unless_unknown);
    let answer = timeout(ms(1000), stale.ask_first()).await.expect("it has a limit");
    assert_eq!(why(answer), Some(timed_out("stock service")));
    assert_eq!(start.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_owner_ends_the_refresh() {
    let service = Service::default();
    let stale = service.stale();
    stale.at_once().map(|good| good.value).unwrap_err();
    sleep(ms(5)).await;
    assert_eq!(service.alive.count(), 1);
    drop(stale);
    yield_now().await;
    assert_eq!(service.alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_gone_does_not_end_the_refresh() {
    let service = Service::default();
    let stale = Arc::new(service.stale());
    let asks = Arc::clone(&stale);
    let caller = tokio::spawn(async move { asks.at_once().map(|good| good.value) });
    caller.await.unwrap().unwrap_err();
    sleep(ms(15)).await;
    assert_eq!(stale.at_once().ok(), aged(1, ms(15)));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_ask_first_leaves_no_load_and_the_old_value() {
    let left = left_at_drops(|alive| {
        let guard = alive.guard();
        async move {
            let service = Service::default();
            let stale = service.stale();
            let _guard = guard;
            stale.ask_first().await.map(|good| good.value)
        }
    });
    assert_eq!(left.await, 0);

    let service = Service::default();
    let stale = service.stale();
    stale.ask_first().await.unwrap();
    let dropped = timeout(ms(5), stale.ask_first()).await;
    assert!(dropped.is_err());
    assert_eq!(service.alive.count(), 0);
    assert_eq!(stale.at_once().ok(), aged(1, ms(15)));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_earlier_does_not_replace_a_newer_value() {
    let calls = AtomicU32::new(0);
    let load = move || {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        let (wait, answer) = match call {
            1 => (ms(80), Ok(1)),
            2 => (ms(10), Ok(2)),
            3 => (ms(80), Err(Unknown)),
            _ => (ms(10), Ok(call)),
        };
        async move {
            sleep(wait).await;
            answer
        }
    };
    let stale = Arc::new(Stale::new("stock service", ages(), load, unless_unknown));
    for newer in [2, 4] {
        let asks = Arc::clone(&stale);
        let slow = tokio::spawn(async move { asks.ask_first().await });
        sleep(MILLI).await;
        assert_eq!(stale.ask_first().await.ok(), aged(newer, ms(10)));
        let slow = slow.await.unwrap();
        assert_eq!(slow.ok(), aged(newer, ms(79)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_panics_keeps_the_old_value_and_is_tried_again_later() {
    let calls = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&calls);
    let load = move || {
        let call = counter.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            assert!(call != 2, "bug");
            Ok::<_, StockError>(call)
        }
    };
    let stale = Stale::new("stock service", ages(), load, unless_unknown);
    stale.ask_first().await.unwrap();
    advance(FRESH).await;
    stale.at_once().unwrap();
    yield_now().await;
    assert_eq!(stale.at_once().ok(), aged(1, FRESH));
    yield_now().await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    advance(FRESH).await;
    stale.at_once().unwrap();
    yield_now().await;
    assert_eq!(stale.at_once().ok(), aged(3, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn ages_beyond_any_clock_do_not_overflow() {
    let ages =
        Ages { fresh: Duration::MAX, stale: Duration::MAX, limit: Duration::MAX };
    let stale =
        Stale::new("one", ages, || ready(Ok::<_, StockError>(1)), unless_unknown);
    stale.ask_first().await.unwrap();
    advance(Duration::from_hours(24 * 365)).await;
    assert_eq!(stale.at_once().unwrap().value, 1);
}
