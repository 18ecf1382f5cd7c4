use super::*;
use backend::alive::Alive;
use backend::cancel::{after_polls, at_every_await};
use futures::future::{join, join_all};
use std::error::Error;
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Down {
    #[error("refused")]
    Refused,
    #[error("too late")]
    TooLate,
}

impl From<Elapsed> for Down {
    fn from(_: Elapsed) -> Self {
        Self::TooLate
    }
}

/// A service that needs a second, and counts its calls.
#[derive(Clone, Debug, Default)]
struct Service {
    calls: Arc<AtomicUsize>,
    alive: Alive,
}

impl Service {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Answers with the number of the call.
    fn load(&self) -> impl Future<Output = Result<usize, Down>> + Send + use<> {
        let service = self.clone();
        async move {
            let _guard = service.alive.guard();
            let call = service.calls.fetch_add(1, Ordering::SeqCst) + 1;
            sleep(ms(1000)).await;
            Ok(call)
        }
    }

    fn refuse(&self) -> impl Future<Output = Result<usize, Down>> + Send + use<> {
        let load = self.load();
        async move { load.await.and(Err(Down::Refused)) }
    }

    fn panic(&self) -> impl Future<Output = Result<usize, Down>> + Send + use<> {
        let load = self.load();
        async move {
            load.await?;
            panic!("no such column")
        }
    }
}

fn cache<K>(keep: Duration, most: usize) -> Cache<K, usize, Down> {
    Cache::new(keep, NonZeroUsize::new(most).unwrap())
}

fn failed(answer: &Answer<usize, Down>) -> bool {
    matches!(answer.as_ref().map_err(|error| &**error), Err(LoadError::Failed(_)))
}

fn panicked(answer: &Answer<usize, Down>) -> bool {
    matches!(answer.as_ref().map_err(|error| &**error), Err(LoadError::Panicked))
}

fn dropped(answer: &Answer<usize, Down>) -> bool {
    matches!(answer.as_ref().map_err(|error| &**error), Err(LoadError::Dropped))
}

/// What a call returned, and how long it waited.
async fn timed<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (call.await, start.elapsed())
}

// The cache that calls too often, and the lock over the call.

#[tokio::test(start_paused = true)]
async fn naive_100_callers_that_miss_make_100_calls() {
    let (values, service) = (Mutex::new(BTreeMap::new()), Service::default());
    join_all((0..100).map(|_| naive::get(&values, "pen", service.load()))).await;
    assert_eq!(service.calls(), 100);
    naive::get(&values, "pen", service.load()).await.unwrap();
    assert_eq!(service.calls(), 100, "later callers find the value");
}

#[tokio::test(start_paused = true)]
async fn naive_with_the_lock_held_over_the_load_other_keys_wait_too() {
    let (values, service) =
        (tokio::sync::Mutex::new(BTreeMap::new()), Service::default());
    let get = |key| timed(naive::get_locked(&values, key, service.load()));
    let waits = join_all((0..100).map(get)).await;
    for (key, (value, waited)) in (1..).zip(waits) {
        assert_eq!((value, waited), (Ok(key), ms(1000 * key as u64)));
    }
    let kept = timed(naive::get_locked(&values, 7, service.load())).await;
    assert_eq!(kept, (Ok(8), ms(0)));
}

// A cell, which loads once.

#[tokio::test(start_paused = true)]
async fn of_100_callers_of_a_cell_one_calls() {
    let (price, service, start) = (OnceCell::new(), Service::default(), Instant::now());
    let call = || price.get_or_try_init(|| service.load());
    let answers = join_all((0..100).map(|_| call())).await;
    assert!(answers.iter().all(|answer| *answer == Ok(&1)));
    assert_eq!((service.calls(), start.elapsed()), (1, ms(1000)));
}

#[tokio::test(start_paused = true)]
async fn while_the_load_fails_callers_of_a_cell_try_one_after_another() {
    let (price, service) = (OnceCell::new(), Service::default());
    let call = || timed(price.get_or_try_init(|| service.refuse()));
    let answers = join_all((0..100).map(|_| call())).await;
    for (nth, answer) in (1..).zip(answers) {
        assert_eq!(answer, (Err(Down::Refused), ms(1000 * nth)));
    }
    assert_eq!(service.calls(), 100);
}

#[tokio::test(start_paused = true)]
async fn if_the_caller_that_loads_is_dropped_the_next_caller_of_a_cell_begins_anew() {
    let (price, service) = (OnceCell::new(), Service::default());
    let call = || timed(price.get_or_try_init(|| service.load()));
    let (first, second) = join(timeout(ms(600), call()), call()).await;
    first.unwrap_err();
    assert_eq!(second, (Ok(&2), ms(1600)));
    assert_eq!((service.calls(), service.alive.dropped()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn with_limits_shorter_than_the_load_a_cell_is_never_filled() {
    let (price, service) = (OnceCell::new(), Service::default());
    for _ in 0..10 {
        let call = price.get_or_try_init(|| service.load());
        timeout(ms(600), call).await.unwrap_err();
    }
    assert_eq!((price.initialized(), service.calls()), (false, 10));
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_a_cell_that_loads_and_is_not_polled_holds_up_all_others() {
    let (price, service) = (OnceCell::new(), Service::default());
    let mut first = pin!(price.get_or_try_init(|| service.load()));
    assert!(after_polls(1, first.as_mut()).await.is_none());
    timeout(HOUR, price.get_or_try_init(|| service.load())).await.unwrap_err();
    assert_eq!(service.calls(), 1);
    assert_eq!(first.await, Ok(&1));
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_the_next_caller_of_a_cell_begins_anew() {
    let (price, service) = (Arc::new(OnceCell::new()), Service::default());
    let (leader, load) = (Arc::clone(&price), service.panic());
    let first =
        tokio::spawn(async move { leader.get_or_try_init(|| load).await.copied() });
    yield_now().await;
    let second = timed(price.get_or_try_init(|| service.load())).await;
    assert_eq!(second, (Ok(&2), ms(2000)));
    assert!(first.await.unwrap_err().is_panic());
}

#[tokio::test(start_paused = true)]
async fn with_a_cell_for_each_key_keys_load_side_by_side_and_each_once() {
    let (cells, service) = (Mutex::new(BTreeMap::new()), Service::default());
    let get = |key: &'static str| get_or_load(&cells, key, service.load());
    let answers = timed(join_all(["pen", "ink", "pen"].map(get))).await;
    assert_eq!(answers, (vec![Ok(1), Ok(2), Ok(1)], ms(1000)));
    assert_eq!(timed(get("ink")).await, (Ok(2), ms(0)));
    assert_eq!(service.calls(), 2);
    let refused = get_or_load(&cells, "cap", service.refuse()).await;
    assert_eq!(refused, Err(Down::Refused));
    assert_eq!(get("cap").await, Ok(4), "an error is not kept");
}

// The cache: one load for all callers.

#[tokio::test(start_paused = true)]
async fn of_100_callers_of_the_cache_one_loads() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let get = || timed(cache.get("pen", service.load()));
    for (answer, waited) in join_all((0..100).map(|_| get())).await {
        assert_eq!((answer.unwrap(), waited), (1, ms(1000)));
    }
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 1);
    assert_eq!(service.calls(), 1);
    assert_eq!(cache.get("ink", service.load()).await.unwrap(), 2);
}

#[test]
fn on_several_threads_too_one_loads() {
    let cache = cache(Duration::MAX, 10);
    let (calls, gate) = (AtomicUsize::new(0), Arc::new(Notify::new()));
    let (calls, together) = (Arc::new(calls), Barrier::new(8));
    let runtime = Runtime::new().unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let (calls, gate) = (Arc::clone(&calls), Arc::clone(&gate));
                    let load = async move {
                        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
                        gate.notified().await;
                        Ok(call)
                    };
                    together.wait();
                    runtime.block_on(cache.get("pen", load)).unwrap()
                })
            })
            .collect();
        gate.notify_one();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 1);
        }
    });
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn all_callers_of_a_load_that_fails_get_the_same_error_at_once() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let get = || timed(cache.get("pen", service.refuse()));
    let answers = join_all((0..100).map(|_| get())).await;
    let first = answers[0].0.as_ref().unwrap_err();
    for (answer, waited) in &answers {
        assert!(failed(answer) && *waited == ms(1000));
        assert!(Arc::ptr_eq(first, answer.as_ref().unwrap_err()));
    }
    assert_eq!(service.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_not_kept() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    assert!(failed(&cache.get("pen", service.refuse()).await));
    assert!(cache.shared.lock().flights.is_empty());
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_source_of_a_failed_load_is_what_it_returned() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let error = cache.get("pen", service.refuse()).await.unwrap_err();
    assert_eq!(error.to_string(), "the load failed");
    let source = error.source().unwrap().downcast_ref::<Down>();
    assert_eq!(source, Some(&Down::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_load_is_an_error_for_all_and_the_next_load_works() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let get = || timed(cache.get("pen", service.panic()));
    for (answer, waited) in join_all((0..100).map(|_| get())).await {
        assert!(panicked(&answer) && waited == ms(1000));
    }
    assert_eq!(service.calls(), 1);
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_dropped_costs_the_others_nothing() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let get = || timed(cache.get("pen", service.load()));
    let (first, second) = join(timeout(ms(600), get()), get()).await;
    first.unwrap_err();
    let (answer, waited) = second;
    assert_eq!((answer.unwrap(), waited, service.calls()), (1, ms(1000), 1));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_caller_leaves_its_load_running() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let drops = at_every_await(
        || cache.get("pen", service.load()),
        |polls, end| assert!(end.is_some() || polls < 2),
    );
    assert_eq!(drops.await, 2, "unpolled, and where it waits");
    assert_eq!((service.calls(), service.alive.dropped()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn with_limits_shorter_than_the_load_the_cache_is_filled_all_the_same() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    timeout(ms(600), cache.get("pen", service.load())).await.unwrap_err();
    let second = timed(timeout(ms(600), cache.get("pen", service.load()))).await;
    assert_eq!((second.0.unwrap().unwrap(), second.1), (1, ms(400)));
}

#[tokio::test(start_paused = true)]
async fn if_nobody_waits_any_more_the_load_runs_on_and_its_value_is_kept() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    assert!(after_polls(1, cache.get("pen", service.load())).await.is_none());
    sleep(ms(1500)).await;
    assert_eq!((service.calls(), service.alive.count()), (1, 0));
    let kept = timed(cache.get("pen", service.load())).await;
    assert_eq!((kept.0.unwrap(), kept.1), (1, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_the_cache_that_is_not_polled_holds_up_nobody() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let mut first = pin!(cache.get("pen", service.load()));
    assert!(after_polls(1, first.as_mut()).await.is_none());
    let second = timed(cache.get("pen", service.load())).await;
    assert_eq!((second.0.unwrap(), second.1), (1, ms(1000)));
    assert_eq!(first.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_load_of_a_caller_that_joins_never_runs() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let never = async { unreachable!("somebody else loads") };
    let (first, second) =
        join(cache.get("pen", service.load()), cache.get("pen", never)).await;
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
}

// How long, and how many.

#[tokio::test(start_paused = true)]
async fn a_value_is_kept_for_its_time_from_the_end_of_its_load() {
    let (cache, service) = (cache(ms(60_000), 10), Service::default());
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 1);
    sleep(ms(59_999)).await;
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 1);
    sleep(ms(1)).await;
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 2);
    sleep(ms(59_999)).await;
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn with_a_time_of_zero_callers_only_share_a_load() {
    let (cache, service) = (cache(Duration::ZERO, 10), Service::default());
    let get = || cache.get("pen", service.load());
    let (first, second) = join(get(), get()).await;
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
    assert_eq!(get().await.unwrap(), 2);
    let held = cache.shared.lock().values.len();
    assert_eq!(held, 1, "an old value stays until a new one takes its place");
}

#[tokio::test(start_paused = true)]
async fn a_value_may_be_kept_for_ever() {
    let (cache, service) = (cache(Duration::MAX, 10), Service::default());
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 1);
    sleep(Duration::from_hours(24 * 365)).await;
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_cache_is_full_the_oldest_value_goes() {
    let (cache, service) = (cache(Duration::MAX, 2), Service::default());
    for (item, value) in [("pen", 1), ("ink", 2), ("pen", 1), ("cap", 3)] {
        assert_eq!(cache.get(item, service.load()).await.unwrap(), value);
    }
    assert_eq!(cache.shared.lock().values.len(), 2);
    assert_eq!(cache.get("ink", service.load()).await.unwrap(), 2, "it was kept");
    assert_eq!(cache.get("pen", service.load()).await.unwrap(), 4, "it was not");
}

#[tokio::test(start_paused = true)]
async fn loads_that_are_under_way_do_not_count_for_the_bound() {
    let (cache, service) = (cache(Duration::MAX, 1), Service::default());
    let get = |item| cache.get(item, service.load());
    let answers = timed(join_all(["pen", "ink", "cap"].map(get))).await;
    assert!(answers.0.iter().all(Result::is_ok));
    assert_eq!((answers.1, service.alive.dropped()), (ms(1000), 3));
    let held = |cache: &Cache<_, _, _>| {
        let state = cache.shared.lock();
        (state.values.len(), state.flights.len())
    };
    assert_eq!(held(&cache), (1, 0));

    let cache = self::cache(Duration::MAX, 2);
    let get = |item| cache.get(item, service.load());
    assert_eq!(get("pen").await.unwrap(), 4);
    let hangs = cache.get("ink", std::future::pending());
    assert!(after_polls(1, hangs).await.is_none());
    assert_eq!(get("cap").await.unwrap(), 5);
    assert_eq!((get("pen").await.unwrap(), held(&cache)), (4, (2, 1)));
}

// The ends of a load that are no answer.

#[tokio::test(start_paused = true)]
async fn dropping_the_cache_aborts_its_loads() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    for item in ["pen", "ink"] {
        assert!(after_polls(1, cache.get(item, service.load())).await.is_none());
    }
    yield_now().await;
    assert_eq!(service.alive.count(), 2);
    drop(cache);
    yield_now().await;
    assert_eq!((service.alive.count(), service.calls()), (0, 2));
}

/// A runtime in which nothing runs unless it is told to.
fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

#[test]
fn a_load_whose_runtime_has_ended_is_begun_anew() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let (first, second) = (runtime(), runtime());
    first.block_on(async {
        assert!(after_polls(1, cache.get("pen", service.load())).await.is_none());
        yield_now().await;
    });
    second.block_on(async {
        let mut joined = pin!(cache.get("pen", service.load()));
        assert!(after_polls(1, joined.as_mut()).await.is_none());
        assert_eq!(service.calls(), 1, "it waits for the load of the first runtime");
        first.shutdown_background();
        let (answer, waited) = timed(joined).await;
        assert_eq!((answer.unwrap(), waited), (2, ms(1000)));
    });
}

#[test]
fn a_load_that_is_left_behind_by_its_runtime_is_begun_anew() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let first = runtime();
    first.block_on(async {
        assert!(after_polls(1, cache.get("pen", service.load())).await.is_none());
    });
    drop(first);
    let (answer, waited) = runtime().block_on(timed(cache.get("pen", service.load())));
    assert_eq!((answer.unwrap(), waited), (1, ms(1000)));
}

#[test]
fn in_a_runtime_that_has_ended_a_load_is_an_error() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let ended = runtime().handle().clone();
    assert!(dropped(&ended.block_on(cache.get("pen", service.load()))));
    let answer = runtime().block_on(cache.get("pen", service.load()));
    assert_eq!(answer.unwrap(), 1);
}

#[test]
fn outside_a_runtime_it_panics_and_the_cache_works_on() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let outside = AssertUnwindSafe(|| {
        futures::executor::block_on(cache.get("pen", service.load()))
    });
    catch_unwind(outside).unwrap_err();
    let answer = runtime().block_on(cache.get("pen", service.load()));
    assert_eq!(answer.unwrap(), 1);
    let kept = futures::executor::block_on(cache.get("pen", service.load()));
    assert_eq!(kept.unwrap(), 1, "what is kept needs no runtime");
}

// What it costs.

#[tokio::test(start_paused = true)]
async fn a_caller_that_joins_gets_what_was_read_before_it_asked() {
    let stock = Arc::new(AtomicUsize::new(5));
    let cache = cache(HOUR, 10);
    let read = || {
        let stock = Arc::clone(&stock);
        async move {
            let seen = stock.load(Ordering::SeqCst);
            sleep(ms(1000)).await;
            Ok(seen)
        }
    };
    assert!(after_polls(1, cache.get("pen", read())).await.is_none());
    sleep(ms(500)).await;
    stock.store(4, Ordering::SeqCst);
    assert_eq!(cache.get("pen", read()).await.unwrap(), 5, "the old number");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_asks_for_its_own_key_waits_for_ever() {
    let (cache, service) = (Arc::new(cache(HOUR, 10)), Service::default());
    let (inner, load) = (Arc::downgrade(&cache), service.load());
    let asks_itself = async move {
        let answer = inner.upgrade().unwrap().get("pen", load).await;
        answer.map_err(|_error| Down::Refused)
    };
    timeout(HOUR, cache.get("pen", asks_itself)).await.unwrap_err();
    assert_eq!(service.calls(), 0);
}

tokio::task_local! {
    static CUSTOMER: u32;
}

#[tokio::test(start_paused = true)]
async fn a_load_does_not_see_the_task_locals_of_its_caller() {
    let cache = cache(HOUR, 10);
    let load = async {
        yield_now().await;
        CUSTOMER.try_with(|number| *number as usize).map_err(|_unset| Down::Refused)
    };
    let answer = CUSTOMER.scope(7, cache.get("pen", load)).await;
    assert!(failed(&answer));
}

#[tokio::test(start_paused = true)]
async fn naive_with_the_limit_outside_a_load_that_hangs_holds_its_key() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let hangs = naive::get_within(&cache, "pen", ms(2000), std::future::pending());
    let (answer, waited) = timed(hangs).await;
    assert!(answer.is_err() && waited == ms(2000));
    for _ in 0..100 {
        let later = naive::get_within(&cache, "pen", ms(2000), service.load());
        later.await.unwrap_err();
    }
    assert_eq!(service.calls(), 0);
    let other = naive::get_within(&cache, "ink", ms(2000), service.load()).await;
    assert_eq!(other.unwrap().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_the_limit_inside_a_load_that_hangs_is_an_error_and_the_next_works() {
    let (cache, service) = (cache(HOUR, 10), Service::default());
    let hangs = || get_within(&cache, "pen", ms(2000), std::future::pending());
    let (first, second) = join(timed(hangs()), timed(hangs())).await;
    for (answer, waited) in [first, second] {
        let error = answer.unwrap_err();
        assert!(matches!(&*error, LoadError::Failed(Down::TooLate)));
        assert_eq!(waited, ms(2000));
    }
    let next = get_within(&cache, "pen", ms(2000), service.load()).await;
    assert_eq!(next.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_get_can_be_spawned() {
    let (cache, service) = (Arc::new(cache(HOUR, 10)), Service::default());
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let (cache, load) = (Arc::clone(&cache), service.load());
        tasks.spawn(async move { cache.get("pen", load).await });
    }
    let answers = tasks.join_all().await;
    assert!(answers.into_iter().all(|answer| answer.unwrap() == 1));
    assert_eq!(service.calls(), 1);
}

// Without a task: a future that its callers share.

#[tokio::test(start_paused = true)]
async fn a_shared_future_loads_once_and_is_dropped_with_its_last_caller() {
    let service = Service::default();
    let load = service.load().shared();
    let second = timed(load.clone());
    let (first, second) = join(timeout(ms(600), load), second).await;
    first.unwrap_err();
    assert_eq!((second, service.calls()), ((Ok(1), ms(1000)), 1));

    let load = service.load().shared();
    let (first, second) = (timeout(ms(300), load.clone()), timeout(ms(600), load));
    assert!(matches!(join(first, second).await, (Err(_), Err(_))));
    assert_eq!((service.calls(), service.alive.count()), (2, 0));
}
