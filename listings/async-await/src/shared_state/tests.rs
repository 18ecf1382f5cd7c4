use super::*;
use backend::cancel;
use futures::future::join;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tokio::sync::{RwLock, oneshot};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Buys a pen; the bank takes 100 ms.
async fn buy(stock: &Stock, paid: bool) -> Result<bool, SoldOut> {
    let pen = stock.reserve()?;
    sleep(ms(100)).await;
    if paid {
        pen.sold();
    }
    Ok(paid)
}

#[tokio::test(start_paused = true)]
async fn of_100_orders_at_once_the_wrong_shop_counts_one() {
    let left = Arc::new(AsyncMutex::new(100));
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let left = Arc::clone(&left);
        tasks.spawn(async move { naive::buy(&left, sleep(ms(100))).await });
    }
    tasks.join_all().await;
    assert_eq!(*left.lock().await, 99);
}

#[tokio::test(start_paused = true)]
async fn of_101_orders_at_once_100_get_a_pen() {
    let stock = Arc::new(Stock::new(100));
    let mut tasks = JoinSet::new();
    for _ in 0..101 {
        let stock = Arc::clone(&stock);
        tasks.spawn(async move { buy(&stock, true).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| **result == Ok(true)).count(), 100);
    assert_eq!(results.iter().filter(|result| **result == Err(SoldOut)).count(), 1);
    assert_eq!(stock.left(), 0);
}

#[test]
fn on_several_threads_too_no_pen_is_sold_twice() {
    let stock = Stock::new(1000);
    let together = Barrier::new(4);
    let sold: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    (0..400)
                        .filter(|_| stock.reserve().map(Reserved::sold).is_ok())
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((sold, stock.left()), (1000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pen_that_is_not_paid_goes_back() {
    let stock = Stock::new(3);
    assert_eq!(buy(&stock, false).await, Ok(false));
    assert_eq!(stock.left(), 3);
    assert_eq!(buy(&stock, true).await, Ok(true));
    assert_eq!(stock.left(), 2);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_an_order_gives_its_pen_back() {
    let stock = Stock::new(3);
    let dropped = cancel::at_every_await(
        || buy(&stock, true),
        |_, end| assert_eq!(stock.left(), if end.is_some() { 2 } else { 3 }),
    );
    assert_eq!(dropped.await, 2);
}

#[test]
fn a_panic_under_the_lock_poisons_it() {
    let lock = Mutex::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = lock.lock().unwrap();
        *guard = 2;
        panic!("half done");
    }));
    panicked.unwrap_err();
    let poisoned = lock.lock().unwrap_err();
    assert_eq!(*poisoned.into_inner(), 2, "what the holder changed stays changed");
}

#[test]
fn a_poisoned_stock_can_be_sold() {
    let stock = Stock::new(2);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = stock.lock();
        panic!("nothing is half done");
    }));
    panicked.unwrap_err();
    stock.reserve().unwrap().sold();
    drop(stock.reserve().unwrap());
    assert_eq!(stock.left(), 1);
}

#[tokio::test]
async fn a_panic_does_not_poison_tokios_mutex() {
    let lock = Arc::new(AsyncMutex::new(1));
    let holder = Arc::clone(&lock);
    let task = tokio::spawn(async move {
        *holder.lock().await = 2;
        let _guard = holder.lock().await;
        panic!("half done");
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(*lock.lock().await, 2, "nobody hears of the panic");
}

#[tokio::test(start_paused = true)]
async fn tokios_mutex_is_given_in_the_order_of_the_waits() {
    let (lock, start) = (Arc::new(AsyncMutex::new(Vec::new())), Instant::now());
    let held = lock.lock().await;
    let mut tasks = JoinSet::new();
    for number in 1..=3 {
        let lock = Arc::clone(&lock);
        tasks.spawn(async move {
            let mut order = lock.lock().await;
            sleep(ms(10)).await;
            order.push((number, start.elapsed()));
        });
        yield_now().await;
    }
    drop(held);
    tasks.join_all().await;
    assert_eq!(*lock.lock().await, [(1, ms(10)), (2, ms(20)), (3, ms(30))]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_dropped_while_it_waits_loses_its_place() {
    let (lock, start) = (Arc::new(AsyncMutex::new(())), Instant::now());
    let hold = |wait: Duration| {
        let lock = Arc::clone(&lock);
        async move {
            let _guard = lock.lock().await;
            sleep(wait).await;
        }
    };
    let first = tokio::spawn(hold(ms(200)));
    yield_now().await;
    timeout(ms(100), lock.lock()).await.unwrap_err();
    let later = tokio::spawn(hold(ms(50))); // comes after the wait that was dropped
    yield_now().await;
    let _guard = lock.lock().await;
    assert_eq!(start.elapsed(), ms(250));
    first.await.unwrap();
    later.await.unwrap();
}

/// A bank that answers in the order of the questions, 100 ms after each.
#[derive(Debug, Default)]
struct Bank {
    unread: VecDeque<u32>,
}

impl Bank {
    async fn ask(&mut self, order: u32) -> Result<u32, &'static str> {
        self.unread.push_back(order);
        sleep(ms(100)).await;
        if order == 0 {
            return Err("unknown order");
        }
        self.unread.pop_front().ok_or("no answer")
    }
}

#[derive(Default)]
struct Till {
    line: AsyncMutex<Option<Bank>>,
    connected: std::sync::atomic::AtomicU32,
}

impl Till {
    async fn ask(&self, order: u32) -> Result<u32, &'static str> {
        let connect = async || {
            sleep(ms(10)).await;
            self.connected.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(Bank::default())
        };
        on_a_connection(&self.line, connect, async |bank: &mut Bank| {
            bank.ask(order).await
        })
        .await
    }

    fn connected(&self) -> u32 {
        self.connected.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_dropped_leaves_its_answer_to_the_next() {
    let line = AsyncMutex::new(Bank::default());
    let ask = async |order| {
        naive::on_a_connection(&line, async |bank| bank.ask(order).await).await
    };
    timeout(ms(50), ask(1)).await.unwrap_err();
    assert_eq!(ask(2).await, Ok(1), "the answer for order 1");
    assert_eq!(ask(3).await, Ok(2), "and so on for ever");
}

#[tokio::test(start_paused = true)]
async fn after_a_question_that_was_dropped_the_next_one_connects_anew() {
    let till = Till::default();
    timeout(ms(50), till.ask(1)).await.unwrap_err();
    assert_eq!(till.ask(2).await, Ok(2));
    assert_eq!(till.connected(), 2);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_question_leaves_no_connection_with_an_answer() {
    let till = Till::default();
    let dropped = cancel::at_every_await(
        || till.ask(1),
        |polls, answer| {
            let kept = till.line.try_lock().unwrap();
            assert_eq!(kept.is_some(), answer.is_some(), "after {polls} polls");
        },
    );
    assert_eq!(dropped.await, 3);
}

#[tokio::test(start_paused = true)]
async fn questions_share_one_connection_one_at_a_time() {
    let (till, start) = (Till::default(), Instant::now());
    assert_eq!(join(till.ask(1), till.ask(2)).await, (Ok(1), Ok(2)));
    assert_eq!((till.connected(), start.elapsed()), (1, ms(210)));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_failed_is_not_used_again() {
    let till = Till::default();
    assert_eq!(till.ask(0).await, Err("unknown order"));
    assert_eq!(till.ask(1).await, Ok(1));
    assert_eq!(till.connected(), 2);
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_is_an_error_and_frees_the_lock() {
    let line = AsyncMutex::new(None::<Bank>);
    let refused = on_a_connection(
        &line,
        async || Err("refused"),
        async |_: &mut Bank| -> Result<(), _> { unreachable!("there is no bank") },
    );
    assert_eq!(refused.await, Err("refused"));
    assert!(line.try_lock().unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_question_can_be_spawned() {
    let till = Arc::new(Till::default());
    let answer = tokio::spawn(async move { till.ask(7).await });
    assert_eq!(answer.await.unwrap(), Ok(7));
}

fn held<T>(lock: &Mutex<T>) -> bool {
    lock.try_lock().is_err()
}

#[test]
fn a_let_frees_the_lock_at_its_semicolon() {
    let lock = Mutex::new(vec![1]);
    let last = lock.lock().unwrap().pop();
    assert_eq!((last, held(&lock)), (Some(1), false));
}

#[test]
fn a_let_else_frees_the_lock_before_else() {
    let lock = Mutex::new(Vec::<u32>::new());
    let Some(_) = lock.lock().unwrap().pop() else {
        assert!(!held(&lock));
        return;
    };
    unreachable!("it is empty");
}

#[test]
fn an_if_frees_the_lock_before_its_block() {
    let lock = Mutex::new(vec![1]);
    if lock.lock().unwrap().len() == 1 {
        assert!(!held(&lock));
    } else {
        unreachable!("it has one item");
    }
}

#[test]
fn a_match_holds_the_lock_through_its_arms() {
    let lock = Mutex::new(vec![1]);
    match lock.lock().unwrap().pop() {
        Some(_) => assert!(held(&lock)),
        None => unreachable!("it has one item"),
    }
}

#[test]
fn a_while_let_holds_the_lock_through_its_body() {
    let lock = Mutex::new(vec![1, 2]);
    let mut rounds = 0;
    while let Some(last) = lock.lock().unwrap().pop() {
        assert!(last > 0 && held(&lock));
        rounds += 1;
    }
    assert_eq!(rounds, 2);
}

#[test]
fn in_edition_2024_if_let_holds_the_lock_through_its_block_and_not_through_else() {
    let lock = Mutex::new(vec![1]);
    for some in [true, false] {
        if let Some(last) = lock.lock().unwrap().pop() {
            assert!(some && last == 1 && held(&lock));
        } else {
            assert!(!some && !held(&lock));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_locks_in_two_orders_wait_for_ever() {
    let (north, south) = (AsyncMutex::new(5), AsyncMutex::new(5));
    let both = join(
        naive::move_one(&north, &south, sleep(ms(10))),
        naive::move_one(&south, &north, sleep(ms(10))),
    );
    timeout(HOUR, both).await.unwrap_err();
    assert_eq!((*north.lock().await, *south.lock().await), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn one_and_the_same_lock_twice_waits_for_ever() {
    let north = AsyncMutex::new(5);
    timeout(HOUR, naive::move_one(&north, &north, async {})).await.unwrap_err();
}

#[test]
fn one_lock_at_a_time_moves_both_ways_on_two_threads() {
    let (north, south) = (Stock::new(500), Stock::new(500));
    let together = Barrier::new(2);
    let back_and_forth = |from: &Stock, to: &Stock| {
        together.wait();
        for _ in 0..500 {
            move_one(from, to).unwrap_or_else(|SoldOut| std::thread::yield_now());
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| back_and_forth(&north, &south));
        scope.spawn(|| back_and_forth(&south, &north));
    });
    assert_eq!(north.left() + south.left(), 1000);
}

#[test]
fn a_move_takes_one_and_puts_one() {
    let (north, south) = (Stock::new(1), Stock::new(5));
    assert_eq!(move_one(&north, &south), Ok(()));
    assert_eq!(move_one(&north, &south), Err(SoldOut));
    assert_eq!((north.left(), south.left()), (0, 6));
    assert_eq!(move_one(&south, &south), Ok(()));
    assert_eq!(south.left(), 6, "to itself it moves nothing, and does not wait");
}

const PRICES: Prices = Prices { net: 200, tax_percent: 19 };

#[tokio::test(start_paused = true)]
async fn a_second_read_behind_a_writer_waits_for_ever() {
    let prices = Arc::new(RwLock::new(PRICES));
    let writer = Arc::clone(&prices);
    let (first_read, at_first_read) = oneshot::channel();
    let log = async {
        first_read.send(()).unwrap();
        sleep(ms(10)).await;
    };
    let write = tokio::spawn(async move {
        at_first_read.await.unwrap();
        writer.write().await.net = 300;
    });
    let read = naive::price_with_tax(&prices, log);
    timeout(HOUR, read).await.unwrap_err();
    write.await.unwrap();
    assert_eq!(
        prices.read().await.net,
        300,
        "with the reader dropped, the writer goes on"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_writer_a_second_read_is_no_trouble() {
    let prices = RwLock::new(PRICES);
    assert_eq!(naive::price_with_tax(&prices, sleep(ms(10))).await, 238);
}

#[tokio::test(start_paused = true)]
async fn a_new_reader_waits_behind_a_writer_that_waits() {
    let prices = Arc::new(RwLock::new(PRICES));
    let reader = prices.read().await;
    let writer = Arc::clone(&prices);
    let write = tokio::spawn(async move { writer.write().await.net = 300 });
    yield_now().await;
    prices.try_read().unwrap_err();
    drop(reader);
    write.await.unwrap();
    assert_eq!(prices.read().await.net, 300);
}

#[tokio::test(start_paused = true)]
async fn one_read_waits_for_the_writer_and_ends() {
    let prices = Arc::new(RwLock::new(PRICES));
    assert_eq!(price_with_tax(&prices).await, 238);
    let reduced = RwLock::new(Prices { net: 100, tax_percent: 7 });
    assert_eq!(price_with_tax(&reduced).await, 107);
    let mut guard = prices.write().await;
    let read = {
        let prices = Arc::clone(&prices);
        tokio::spawn(async move { price_with_tax(&prices).await })
    };
    yield_now().await;
    guard.net = 300;
    drop(guard);
    assert_eq!(read.await.unwrap(), 357);
}
