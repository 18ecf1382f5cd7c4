//! The slot between two threads, in each order in which they can come to its lock.

use futures::stream::StreamExt;
use interleavings::a_stream_that_waits::{latest, naive};
use shuttle::scheduler::DfsScheduler;
use shuttle::{Config, Runner, future, thread};

/// Runs `work` once for each order in which its threads can go on at a lock, and returns
/// how many there are. A thread that waits for ever is a panic.
fn in_each_order(work: impl Fn() + Send + Sync + 'static) -> usize {
    Runner::new(DfsScheduler::new(None, false), Config::new()).run(work)
}

#[test]
fn in_each_order_of_two_threads_no_wake_up_is_lost() {
    let orders = in_each_order(|| {
        let (sender, prices) = latest();
        let setter = thread::spawn(move || sender.set(1));
        let values = future::block_on(prices.collect::<Vec<_>>());
        assert_eq!(values, [1]);
        assert_eq!(setter.join().unwrap(), Ok(None));
    });
    assert!(orders > 100, "{orders}: the locks are not those of shuttle");
}

#[test]
fn in_each_order_of_two_threads_a_value_is_read_or_replaced_or_refused() {
    let orders = in_each_order(|| {
        let (sender, mut prices) = latest();
        let setter = thread::spawn(move || [sender.set(1), sender.set(2)]);
        let read = future::block_on(prices.next());
        drop(prices);
        let sent = setter.join().unwrap().map(|end| end.map_err(|no| no.0));
        let possible = match read {
            Some(1) => sent == [Ok(None), Ok(None)] || sent == [Ok(None), Err(2)],
            Some(2) => sent == [Ok(None), Ok(Some(1))],
            _ => false,
        };
        assert!(possible, "{read:?}, {sent:?}");
    });
    assert!(orders > 100, "{orders}: the locks are not those of shuttle");
}

#[test]
#[should_panic(expected = "deadlock")]
fn with_a_lock_for_each_step_some_order_of_two_threads_hangs() {
    in_each_order(|| {
        let (sender, prices) = latest();
        let mut prices = naive::TwoLocks(prices);
        let setter = thread::spawn(move || (sender.set(1), sender));
        assert_eq!(future::block_on(prices.next()), Some(1));
        let (end, _sender) = setter.join().unwrap(); // so far, it is not dropped
        assert_eq!(end, Ok(None));
    });
}
