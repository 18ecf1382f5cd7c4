use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use futures::FutureExt;

use super::*;

const SIZES: [u64; 4] = [3, 1, 4, 1];

#[test]
fn many_items_are_one_write() {
    let writes = RefCell::new(Vec::new());
    add_once(&SIZES, |sum| writes.borrow_mut().push(sum));
    assert_eq!(writes.into_inner(), [9]);
}

#[test]
fn naive_each_item_is_a_write() {
    let writes = RefCell::new(Vec::new());
    naive::add_each(&SIZES, |size| writes.borrow_mut().push(size));
    assert_eq!(writes.into_inner(), SIZES);
}

#[test]
fn threads_that_add_once_and_threads_that_add_each_come_to_the_same_total() {
    let (once, each) = (AtomicU64::new(0), AtomicU64::new(0));
    let add = |to: &AtomicU64, number| {
        to.fetch_add(number, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for _thread in 0..4 {
            scope.spawn(|| {
                add_once(&SIZES, |sum| add(&once, sum));
                naive::add_each(&SIZES, |size| add(&each, size));
            });
        }
    });
    assert_eq!((once.into_inner(), each.into_inner()), (36, 36));
}

#[tokio::test]
async fn the_sum_is_that_of_all_numbers_however_many_are_taken_at_once() {
    for at_once in [1, 3, 64] {
        let (sender, mut numbers) = mpsc::channel(8);
        let send = async move {
            for number in 1..=100 {
                sender.send(number).await.unwrap();
            }
        };
        let at_once = NonZeroUsize::new(at_once).unwrap();
        let (sum, ()) = tokio::join!(sum_of(&mut numbers, at_once), send);
        assert_eq!(sum, 5050);
    }
}

/// A channel that has ended, with `count` numbers of 1 in it.
fn full(count: usize) -> mpsc::Receiver<u64> {
    let (sender, numbers) = mpsc::channel(count);
    for _number in 0..count {
        sender.try_send(1).unwrap();
    }
    numbers
}

#[tokio::test]
async fn many_at_once_need_one_turn_where_one_at_a_time_need_two() {
    let sum = |at_once| {
        let at_once = NonZeroUsize::new(at_once).unwrap();
        sum_of(&mut full(200), at_once).now_or_never()
    };
    assert_eq!(sum(64), Some(200), "four calls");
    tokio::task::yield_now().await; // a new turn, a new budget of 128 calls
    assert_eq!(sum(1), None, "after 128 calls, Tokio lets other tasks run");
    tokio::task::yield_now().await;
    assert_eq!(naive::sum_each(&mut full(200)).now_or_never(), None, "here too");
    assert_eq!(naive::sum_each(&mut full(200)).await, 200);
}

#[tokio::test]
async fn if_the_sum_is_dropped_what_it_has_taken_is_lost_and_the_rest_stays() {
    let (sender, mut numbers) = mpsc::channel(8);
    sender.try_send(5).unwrap();
    let many = NonZeroUsize::new(64).unwrap();
    assert_eq!(sum_of(&mut numbers, many).now_or_never(), None, "it waits for more");
    sender.try_send(2).unwrap();
    drop(sender);
    assert_eq!(sum_of(&mut numbers, many).await, 2, "the 5 is lost");
}
