use super::*;
use backend::{Alive, cancel};
use futures::FutureExt as _;
use std::convert::Infallible;
use std::error::Error as _;
use std::future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// How many leases were given back. That needs 20 ms each time.
#[derive(Clone, Debug, Default)]
struct Server {
    back: Arc<AtomicUsize>,
}

impl Server {
    async fn release(self) -> Result<(), Infallible> {
        sleep(ms(20)).await;
        self.back.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn give_back(self) {
        self.release().await.unwrap();
    }

    fn back(&self) -> usize {
        self.back.load(Ordering::SeqCst)
    }
}

fn cancelled() -> CancellationToken {
    let token = CancellationToken::new();
    token.cancel();
    token
}

/// Cancels a token after a while.
fn cancel_after(wait: Duration) -> CancellationToken {
    let token = CancellationToken::new();
    let later = token.clone();
    tokio::spawn(async move {
        sleep(wait).await;
        later.cancel();
    });
    token
}

// After the work.

#[tokio::test(start_paused = true)]
async fn asked_to_stop_the_work_is_dropped_and_then_cleaned_up() {
    let (start, server, alive) = (Instant::now(), Server::default(), Alive::default());
    let guard = alive.guard();
    let work = async {
        let _guard = guard;
        sleep(HOUR).await;
    };
    let clean_up = async {
        assert_eq!(alive.count(), 0, "the work is gone");
        server.clone().release().await
    };
    let ended =
        work_then_clean_up(&cancel_after(ms(100)), work, clean_up, SECOND).await;
    assert_eq!(ended, Ended { work: Outcome::Cancelled, clean_up: Ok(()) });
    assert_eq!((server.back(), start.elapsed()), (1, ms(120)));
}

#[tokio::test(start_paused = true)]
async fn not_asked_to_stop_the_work_ends_and_is_cleaned_up() {
    let (start, server) = (Instant::now(), Server::default());
    let work = sleep(ms(100)).map(|()| "rows");
    let stop = CancellationToken::new();
    let ended = work_then_clean_up(&stop, work, server.clone().release(), SECOND).await;
    assert_eq!(ended, Ended { work: Outcome::Done("rows"), clean_up: Ok(()) });
    assert_eq!((server.back(), start.elapsed()), (1, ms(120)));
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_before_the_start_only_the_clean_up_runs() {
    let server = Server::default();
    let work = async { unreachable!("it is never polled") };
    let clean_up = server.clone().release();
    let ended: Ended<(), _> =
        work_then_clean_up(&cancelled(), work, clean_up, SECOND).await;
    assert_eq!(ended, Ended { work: Outcome::Cancelled, clean_up: Ok(()) });
    assert_eq!(server.back(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_that_takes_too_long_is_dropped_at_its_own_limit() {
    let (start, alive) = (Instant::now(), Alive::default());
    let guard = alive.guard();
    let clean_up = async {
        let _guard = guard;
        future::pending::<Result<(), Infallible>>().await
    };
    let work = future::pending::<()>();
    let stop = cancel_after(ms(100));
    let ended = work_then_clean_up(&stop, work, clean_up, ms(300)).await;
    assert_eq!(ended.clean_up, Err(NotCleanedUp::TooLate { limit: ms(300) }));
    assert_eq!((alive.count(), start.elapsed()), (0, ms(400)));
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_that_fails_is_told_with_its_cause() {
    let clean_up = async { Err(io::Error::other("refused")) };
    let stop = CancellationToken::new();
    let ended = work_then_clean_up(&stop, async { 7 }, clean_up, SECOND).await;
    assert_eq!(ended.work, Outcome::Done(7));
    let error = ended.clean_up.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "refused");
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_the_clean_up_is_not_done() {
    let server = Server::default();
    let stop = CancellationToken::new();
    let dropped = cancel::at_every_await(
        || {
            let clean_up = server.clone().release();
            work_then_clean_up(&stop, sleep(ms(10)), clean_up, SECOND)
        },
        |_, ended| assert_eq!(server.back(), usize::from(ended.is_some())),
    );
    assert_eq!(dropped.await, 3, "before it starts, at the work, at the clean-up");
}

#[tokio::test(start_paused = true)]
async fn once_spawned_the_clean_up_survives_a_caller_that_is_dropped() {
    let (server, stop) = (Server::default(), cancel_after(ms(100)));
    let clean_up = server.clone().release();
    let all = tokio::spawn(async move {
        work_then_clean_up(&stop, future::pending::<()>(), clean_up, SECOND).await
    });
    assert!(timeout(ms(110), all).await.is_err());
    assert_eq!(server.back(), 0);
    sleep(ms(20)).await;
    assert_eq!(server.back(), 1);
}

#[tokio::test(start_paused = true)]
async fn under_the_token_that_has_fired_the_clean_up_is_never_polled() {
    let stop = cancel_after(ms(100));
    let clean_up = async { unreachable!("it is never polled") };
    let ended: (Outcome<()>, Option<Result<(), Infallible>>) =
        naive::work_then_clean_up(&stop, future::pending(), clean_up).await;
    assert_eq!(ended, (Outcome::Cancelled, None));
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_the_clean_up_holds_up_the_end() {
    let silent = future::pending::<Result<(), Infallible>>();
    assert!(timeout(HOUR, naive::clean_up_without_limit(silent)).await.is_err());
    let server = Server::default();
    assert_eq!(naive::clean_up_without_limit(server.release()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_question_mark_leaves_before_the_clean_up() {
    let server = Server::default();
    let fails = async { Err::<(), _>("no rows") };
    let clean_up = server.clone().give_back();
    assert_eq!(naive::also_after_an_error(fails, clean_up).await, Err("no rows"));
    assert_eq!(server.back(), 0);
}

#[tokio::test(start_paused = true)]
async fn behind_the_clean_up_a_question_mark_leaves_nothing_behind() {
    let server = Server::default();
    let fails = async { Err::<(), _>("no rows") };
    let clean_up = server.clone().give_back();
    assert_eq!(also_after_an_error(fails, clean_up).await, Err("no rows"));
    assert_eq!(server.back(), 1);
    let works = async { Ok::<_, &str>(7) };
    assert_eq!(also_after_an_error(works, server.clone().give_back()).await, Ok(7));
    assert_eq!(server.back(), 2);
}

#[tokio::test(start_paused = true)]
async fn clean_up_can_be_spawned() {
    let server = Server::default();
    let release = server.clone().release();
    let work = tokio::spawn(async move {
        work_then_clean_up(&CancellationToken::new(), async { 7 }, release, SECOND)
            .await
    });
    assert_eq!(work.await.unwrap().work, Outcome::Done(7));
    let both =
        also_after_an_error(async { Ok::<_, Infallible>(7) }, server.give_back());
    assert_eq!(tokio::spawn(both).await.unwrap(), Ok(7));
}
