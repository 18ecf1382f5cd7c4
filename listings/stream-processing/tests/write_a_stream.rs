//! The slot between two threads, in each order in which they can come to its lock.

use futures::stream::StreamExt;
use interleavings::write_a_stream::latest;
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
        let (tx, rx) = latest();
        let sender = thread::spawn(move || tx.set(1));
        let values = future::block_on(rx.collect::<Vec<_>>());
        assert_eq!(values, [1]);
        assert_eq!(sender.join().unwrap(), Ok(None));
    });
    assert!(orders > 100, "{orders}: the locks are not those of shuttle");
}

#[test]
fn in_each_order_of_two_threads_a_value_is_read_or_replaced_or_refused() {
    let orders = in_each_order(|| {
        let (tx, mut rx) = latest();
        let sender = thread::spawn(move || [tx.set(1), tx.set(2)]);
        let read = future::block_on(rx.next());
        drop(rx);
        let sent = sender.join().unwrap().map(|end| end.map_err(|no| no.0));
        let possible = match read {
            Some(1) => sent == [Ok(None), Ok(None)] || sent == [Ok(None), Err(2)],
            Some(2) => sent == [Ok(None), Ok(Some(1))],
            _ => false,
        };
        assert!(possible, "{read:?}, {sent:?}");
    });
    assert!(orders > 100, "{orders}: the locks are not those of shuttle");
}
