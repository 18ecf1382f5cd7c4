use super::*;
use backend::Alive;
use backend::workers::Workers;
use futures::future::{FutureExt, join_all};
use policy::bulkhead::{Bulkhead, Limits};
use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::{advance, sleep, sleep_until, timeout};

const LATE: Duration = ms(150);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn up_to(most: usize) -> AdaptiveLimit {
    AdaptiveLimit::new(NonZeroUsize::new(most).unwrap(), LATE)
}

/// As many calls as may run, all answered after this time.
async fn a_round(limit: &AdaptiveLimit, time: Duration) {
    let calls = (0..limit.limit()).map(|_| {
        limit.call(|| async {
            sleep(time).await;
            Ok::<_, ()>(())
        })
    });
    assert!(join_all(calls).await.iter().all(Result::is_ok));
}

/// A limit that has grown.
async fn grown_to(limit: usize) -> AdaptiveLimit {
    let adaptive = up_to(limit);
    for round in 2..=limit {
        a_round(&adaptive, ms(1)).await;
        assert_eq!(adaptive.limit(), round);
    }
    adaptive
}

#[tokio::test(start_paused = true)]
async fn a_round_of_answers_in_time_raises_the_limit_by_one() {
    let limit = up_to(4);
    let mut limits = vec![limit.limit()];
    for _ in 0..5 {
        a_round(&limit, LATE).await;
        limits.push(limit.limit());
    }
    assert_eq!(limits, [1, 2, 3, 4, 4, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_round_of_late_answers_lowers_it_once_by_a_quarter() {
    let limit = grown_to(64).await;
    let mut limits = Vec::new();
    for _ in 0..14 {
        a_round(&limit, LATE + ms(1)).await;
        limits.push(limit.limit());
    }
    assert_eq!(limits, [48, 36, 27, 20, 15, 11, 8, 6, 4, 3, 2, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn after_it_was_lowered_it_needs_a_whole_round_to_rise() {
    let limit = grown_to(4).await;
    let mut permits: Vec<_> = (0..4).map(|_| limit.try_acquire().unwrap()).collect();
    for _ in 0..3 {
        let mut permit = permits.pop().unwrap();
        permit.answered();
    }
    advance(LATE + ms(1)).await;
    drop(permits); // late
    assert_eq!(limit.limit(), 3);
    let mut permits: Vec<_> = (0..3).map(|_| limit.try_acquire().unwrap()).collect();
    for mut permit in permits.drain(1..) {
        permit.answered();
    }
    assert_eq!(limit.limit(), 3);
    permits[0].answered();
    drop(permits);
    assert_eq!(limit.limit(), 4);
}

#[tokio::test(start_paused = true)]
async fn calls_above_a_lowered_limit_end_before_others_begin() {
    let limit = grown_to(8).await;
    let mut permits: Vec<_> = (0..8).map(|_| limit.try_acquire().unwrap()).collect();
    advance(LATE + ms(1)).await;
    permits.pop();
    assert_eq!((limit.limit(), limit.running()), (6, 7));
    assert_eq!(limit.try_acquire().unwrap_err(), Refused::Full);
    permits.pop();
    assert_eq!(limit.try_acquire().unwrap_err(), Refused::Full);
    permits.pop();
    assert_eq!((limit.limit(), limit.running()), (6, 5), "lowered once");
    drop(limit.try_acquire().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_round_of_calls_without_an_answer_in_time_does_not_raise_it() {
    let limit = AdaptiveLimit { most: 100, ..grown_to(4).await };
    let permits: Vec<_> = (0..4).map(|_| limit.try_acquire().unwrap()).collect();
    drop(permits); // dropped in time
    assert_eq!(limit.limit(), 4);
    let refused = (0..4).map(|_| {
        limit.call(|| async {
            sleep(ms(1)).await;
            Err::<(), _>(())
        })
    });
    assert!(join_all(refused).await.iter().all(Result::is_err));
    assert_eq!(limit.limit(), 4);
    a_round(&limit, ms(1)).await; // and a round of answers does
    assert_eq!(limit.limit(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_nobody_uses_does_not_rise() {
    let limit = grown_to(4).await;
    let wider = AdaptiveLimit { most: 100, ..limit };
    for _ in 0..1000 {
        wider.call(|| ready(Ok::<_, ()>(()))).await.unwrap();
    }
    assert_eq!(wider.limit(), 4);
    a_round(&wider, ms(1)).await;
    assert_eq!(wider.limit(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_error_in_time_says_nothing_and_a_late_one_lowers_it() {
    let limit = grown_to(4).await;
    let fails = async |after| {
        let call = || async {
            sleep(after).await;
            Err::<(), _>("not found")
        };
        let calls = (0..4).map(|_| limit.call(call));
        let failed = Err(BulkheadError::Call("not found"));
        assert!(join_all(calls).await.iter().all(|it| *it == failed));
        limit.limit()
    };
    assert_eq!((fails(LATE).await, fails(LATE + ms(1)).await), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_late_lowers_it_and_leaves_its_place() {
    let limit = grown_to(4).await;
    let hangs = async |time| {
        timeout(time, limit.call(pending::<Result<(), ()>>)).await.unwrap_err();
        (limit.limit(), limit.running())
    };
    assert_eq!(hangs(LATE).await, (4, 0), "dropped in time: it says nothing");
    assert_eq!(hangs(LATE + ms(1)).await, (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_its_place() {
    let limit = up_to(1);
    let call = limit.call::<(), (), _>(|| async { panic!("in the call") });
    AssertUnwindSafe(call).catch_unwind().await.unwrap_err();
    assert_eq!((limit.limit(), limit.running()), (1, 0));
    a_round(&limit, ms(1)).await;
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_place_is_refused_at_once() {
    let limit = grown_to(2).await;
    let start = Instant::now();
    let call = || {
        limit.call(|| async {
            sleep(ms(100)).await;
            Ok::<_, ()>(start.elapsed().as_millis())
        })
    };
    let full = Err(BulkheadError::Refused(Refused::Full));
    assert_eq!(join_all([call(), call(), call()]).await, [Ok(100), Ok(100), full]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_share_one_adaptive_limit() {
    let (limit, alive) = (up_to(3), Alive::default());
    let peak = Arc::new(AtomicUsize::new(0));
    let tasks = (0..4).map(|_| {
        let (limit, alive, peak) = (limit.clone(), alive.clone(), Arc::clone(&peak));
        tokio::spawn(async move {
            for _ in 0..100 {
                let call = || async {
                    let _guard = alive.guard();
                    peak.fetch_max(alive.count(), Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, ()>(())
                };
                let _full_or_done = limit.call(call).await;
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    assert!((1..=3).contains(&peak.load(Ordering::SeqCst)));
    assert_eq!(limit.running(), 0);
}

// A service that loses half of its workers.

/// A call each 8 ms for twenty seconds, each dropped after 180 ms. The service does ten
/// at a time, each in 100 ms; after ten seconds, five. How many calls are answered before
/// that and after it, and how many are refused.
async fn half_of_the_workers_go<F>(
    call: impl Fn(Arc<Workers>) -> F,
) -> [(usize, usize); 2]
where
    F: Future<Output = Result<(), BulkheadError<()>>> + Send + 'static,
{
    let (workers, start) = (Arc::new(Workers::new(10, ms(100))), Instant::now());
    let mut calls = Vec::new();
    for number in 0..2500 {
        sleep_until(start + ms(8 * number + 1)).await;
        if number == 1250 {
            workers.keep(5);
        }
        let call = call(Arc::clone(&workers));
        calls.push(tokio::spawn(async move { timeout(ms(180), call).await }));
    }
    let ended: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    [&ended[..1250], &ended[1250..]].map(|half| {
        let answered = half.iter().filter(|it| matches!(it, Ok(Ok(())))).count();
        (answered, half.iter().filter(|it| matches!(it, Ok(Err(_)))).count())
    })
}

#[tokio::test(start_paused = true)]
async fn a_fixed_limit_keeps_a_weaker_service_busy_with_what_nobody_waits_for() {
    let calls = NonZeroUsize::new(10).unwrap();
    let fixed = Bulkhead::new(Limits { calls, queue: 0, longest_wait: ms(1) });
    let call = |workers: Arc<Workers>| {
        let fixed = fixed.clone();
        async move {
            let job = || async {
                workers.job().await;
                Ok(())
            };
            fixed.call(job).await
        }
    };
    assert_eq!(half_of_the_workers_go(call).await, [(838, 412), (5, 705)]);
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_falls_with_the_service() {
    let limit = up_to(20);
    let call = |workers: Arc<Workers>| {
        let limit = limit.clone();
        async move {
            let job = || async {
                workers.job().await;
                Ok(())
            };
            limit.call(job).await
        }
    };
    assert_eq!(half_of_the_workers_go(call).await, [(953, 297), (462, 754)]);
}
