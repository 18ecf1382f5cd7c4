use super::*;
use backend::Alive;
use backend::channels::{ended, every, filled};
use std::cell::{Cell, RefCell};
use std::future;
use std::sync::Mutex as StdMutex;
use tokio::time::{Instant, timeout};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn after(start: Instant) -> u128 {
    start.elapsed().as_millis()
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_saves_holds_up_the_ticks() {
    let (start, beats) = (Instant::now(), RefCell::new(Vec::new()));
    let beat = || beats.borrow_mut().push(after(start));
    let save = |_| sleep(ms(320));
    let looping = naive::serve(every(ms(50), ["tea"]), save, ms(100), beat);
    timeout(ms(650), looping).await.unwrap_err();
    assert_eq!(beats.take(), [0, 370, 370, 370, 400, 500, 600]);
    timeout(HOUR, naive::serve(ended(["tea"]), save, ms(100), || {})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_save_beside_the_loop_holds_up_no_tick() {
    let (start, beats) = (Instant::now(), RefCell::new(Vec::new()));
    let saved = Arc::new(StdMutex::new(Vec::new()));
    let beat = || beats.borrow_mut().push(after(start));
    let save = |order| {
        let saved = Arc::clone(&saved);
        async move {
            sleep(ms(320)).await;
            saved.lock().unwrap().push((order, after(start)));
        }
    };
    let looping = serve(every(ms(50), ["tea"]), ONE, save, ms(100), beat);
    timeout(ms(650), looping).await.unwrap_err();
    assert_eq!(beats.take(), [0, 100, 200, 300, 400, 500, 600]);
    assert_eq!(*saved.lock().unwrap(), [("tea", 370)]);
}

#[tokio::test(start_paused = true)]
async fn at_most_so_many_orders_are_saved_at_once_and_all_before_it_ends() {
    for (at_once, took) in [(1, 1000), (2, 500), (4, 300), (10, 100)] {
        let (start, alive) = (Instant::now(), Alive::default());
        let most = Cell::new(0);
        let save = |_| {
            let guard = alive.guard();
            most.set(most.get().max(alive.count()));
            async move {
                let _guard = guard;
                sleep(ms(100)).await;
            }
        };
        let at_once = NonZeroUsize::new(at_once).unwrap();
        let looping = serve(ended(0..10), at_once, save, HOUR, || {});
        timeout(HOUR / 2, looping).await.unwrap().unwrap();
        assert_eq!((after(start), most.get()), (took, at_once.get()));
        assert_eq!((alive.count(), alive.dropped()), (0, 10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_that_panics_is_an_error() {
    let save = |_| async { panic!("out of paper") };
    let error = serve(ended([1]), ONE, save, HOUR, || {}).await.unwrap_err();
    assert!(error.is_panic());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_loop_aborts_its_saves() {
    let alive = Alive::default();
    let save = |_| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            sleep(SECOND).await;
        }
    };
    let looping = serve(ended([1]), ONE, save, HOUR, || {});
    timeout(ms(500), looping).await.unwrap_err();
    tokio::task::yield_now().await;
    assert_eq!((alive.count(), alive.dropped()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn two_handlers_change_one_sum() {
    for (left, right, sum) in [(vec!["2", "3"], vec!["4"], 9), (vec![], vec!["7"], 7)] {
        assert_eq!(total(ended(left), ended(right)).await, Ok(sum));
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_mark_in_a_handler_leaves_the_function() {
    let want = "many".parse::<u32>().unwrap_err();
    let (_open, right) = filled([]);
    let sum = timeout(HOUR, total(ended(["2", "many", "3"]), right)).await.unwrap();
    assert_eq!(sum, Err(want.clone()));
    let (_open, left) = filled([]);
    let sum = timeout(HOUR, total(left, ended(["many"]))).await.unwrap();
    assert_eq!(sum, Err(want));
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_use_what_the_losers_had_borrowed() {
    let (sender, mut orders) = filled(["tea", "milk"]);
    select! {
        biased;
        () = future::ready(()) => orders.close(),
        _ = orders.recv() => unreachable!("the upper branch is ready"),
    }
    assert!(sender.is_closed());
    assert_eq!(orders.recv().await, Some("tea"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_needs_the_lock_of_a_borrowed_future_waits_for_ever() {
    let stock = Arc::new(Mutex::new(3));
    let report = naive::save_or_report(Arc::clone(&stock), ms(100));
    assert!(timeout(HOUR, report).await.is_err());
    let quick = naive::save_or_report(stock, 2 * SECOND).await;
    assert_eq!(quick, None, "it is fine while nobody needs to wait");
}

#[tokio::test(start_paused = true)]
async fn a_task_gives_its_lock_back() {
    let (start, stock) = (Instant::now(), Arc::new(Mutex::new(3)));
    let report = save_or_report(Arc::clone(&stock), ms(100));
    let left = timeout(HOUR, report).await.unwrap();
    assert_eq!((left, start.elapsed()), (Some(2), SECOND));
    let quick = save_or_report(Arc::clone(&stock), 2 * SECOND).await;
    assert_eq!((quick, *stock.lock().await, start.elapsed()), (None, 1, 2 * SECOND));
    timeout(ms(100), save_or_report(Arc::clone(&stock), ms(10))).await.unwrap_err();
    assert_eq!(*stock.lock().await, 0);
    assert_eq!(start.elapsed(), 3 * SECOND, "`save` went on");
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_a_runtime_nothing_is_saved() {
    let stock = Arc::new(Mutex::new(3));
    futures::executor::block_on(save_or_report(stock, ms(100)));
}

#[tokio::test(start_paused = true)]
async fn two_futures_may_read_one_variable() {
    let price = 3;
    let sum = select! {
        sum = async { sleep(ms(10)).await; price + 1 } => sum,
        sum = async { sleep(ms(20)).await; price + 2 } => sum,
    };
    assert_eq!(sum, 4);
}

#[tokio::test(start_paused = true)]
async fn every_loop_with_handlers_can_be_spawned() {
    tokio::spawn(total(ended(["1"]), ended([]))).await.unwrap().unwrap();
    tokio::spawn(save_or_report(Arc::new(Mutex::new(1)), HOUR)).await.unwrap();
    let looping = serve(ended([1]), ONE, |_| future::ready(()), ms(1), || {});
    tokio::spawn(looping).await.unwrap().unwrap();
}
