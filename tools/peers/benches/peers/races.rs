//! `future_composition`: one answer of many.

use std::future::ready;
use std::hint::black_box;

use future_composition::race_a_list::first_to_succeed;
use futures::future::{FutureExt, select_ok};
use futures_concurrency::future::RaceOk;
use peers::{Table, timed};
use tokio::sync::oneshot;

pub(crate) fn compare(table: &mut Table) {
    const REPEAT: u32 = 100;
    let contenders = || (0..100).map(|n| ready(Ok::<_, ()>(black_box(n))));
    let ours = || {
        timed(|| {
            (0..REPEAT).all(|_| first_to_succeed(contenders()).now_or_never().is_some())
        })
    };
    table.compare(
        "`first_to_succeed`, 100, all ready",
        "futures, `select_ok`",
        REPEAT,
        ours,
        || {
            timed(|| {
                (0..REPEAT).all(|_| select_ok(contenders()).now_or_never().is_some())
            })
        },
    );
    table.compare(
        "`first_to_succeed`, 100, all ready",
        "futures-concurrency, `race_ok`",
        REPEAT,
        ours,
        || {
            let race = || contenders().collect::<Vec<_>>().race_ok();
            timed(|| (0..REPEAT).all(|_| race().now_or_never().is_some()))
        },
    );
    table.compare(
        "`first_to_succeed`, 1000 fail one by one",
        "futures, `select_ok`",
        1000,
        || {
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..1000).map(|_| oneshot::channel::<()>()).unzip();
            timed(|| {
                let mut race = Box::pin(first_to_succeed(receivers));
                for sender in senders {
                    assert!((&mut race).now_or_never().is_none());
                    drop(sender);
                }
                assert!(race.now_or_never().is_some());
            })
        },
        || {
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..1000).map(|_| oneshot::channel::<()>()).unzip();
            timed(|| {
                let mut race = Box::pin(select_ok(receivers));
                for sender in senders {
                    assert!((&mut race).now_or_never().is_none());
                    drop(sender);
                }
                assert!(race.now_or_never().is_some());
            })
        },
    );
}
