use super::*;
use backend::{Longest, ends};
use futures::future::join_all;
use policy::BreakerPolicy;
use policy::breaker::State;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::time::Instant;
use tower::service_fn;
use tower::timeout::error::Elapsed;

const LIMIT: Duration = ms(200);

/// Two more attempts, 100 ms after the one before.
const ATTEMPTS: Attempts = Attempts { again: 2, wait: ms(100) };

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// 5 failures open it for 10 s.
fn breaker() -> Breaker {
    let policy = BreakerPolicy { jitter: Duration::ZERO, ..BreakerPolicy::default() };
    Breaker::new(policy, &mut Longest).unwrap()
}

/// Counts its calls, and says what `script` says of each, after 50 ms.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicU32>);

impl Calls {
    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    fn service(
        &self,
        script: fn(u32) -> Result<u32, BoxError>,
    ) -> impl Service<
        (),
        Response = u32,
        Error = BoxError,
        Future: Future<Output = Result<u32, BoxError>> + Send,
    > + Clone
    + Send
    + use<> {
        let calls = self.clone();
        service_fn(move |()| {
            let call = calls.0.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                sleep(ms(50)).await;
                script(call)
            }
        })
    }
}

fn down(_call: u32) -> Result<u32, BoxError> {
    Err("status 503".into())
}

#[tokio::test(start_paused = true)]
async fn with_tower_too_a_dead_service_gets_five_calls_and_then_none() {
    let (breaker, calls) = (breaker(), Calls::default());
    let client = client(breaker.clone(), ATTEMPTS, 10, LIMIT, calls.service(down));
    for expected in [3, 5, 5] {
        client.clone().oneshot(()).await.unwrap_err();
        assert_eq!(calls.count(), expected);
    }
    let begin = Instant::now();
    let error = client.oneshot(()).await.unwrap_err();
    assert!(error.is::<Open>() && begin.elapsed().is_zero());
    assert!(matches!(breaker.state(), State::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn with_tower_a_call_that_hangs_is_dropped_at_its_limit_and_tried_again() {
    let calls = Calls::default();
    let counted = calls.clone();
    let service = service_fn(move |()| {
        let call = counted.0.fetch_add(1, Ordering::SeqCst) + 1;
        async move { if call == 1 { pending().await } else { Ok::<_, BoxError>(call) } }
    });
    let begin = Instant::now();
    let answer = client(breaker(), ATTEMPTS, 10, LIMIT, service).oneshot(()).await;
    assert_eq!((answer.unwrap(), begin.elapsed()), (2, LIMIT + ms(100)));
}

#[tokio::test(start_paused = true)]
async fn with_tower_too_a_full_bulkhead_opens_no_breaker() {
    let (breaker, calls) = (breaker(), Calls::default());
    let once = Attempts { again: 0, ..ATTEMPTS };
    let client = client(breaker.clone(), once, 2, LIMIT, calls.service(Ok));
    let answers = join_all((0..20).map(|_| client.clone().oneshot(()))).await;
    let refused = answers.iter().filter_map(|it| it.as_ref().err());
    assert_eq!(refused.filter(|it| it.is::<Overloaded>()).count(), 18);
    assert_eq!((calls.count(), breaker.state()), (2, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn naive_a_timeout_of_tower_outside_of_the_bulkhead_does_not_see_the_wait() {
    let calls = Calls::default();
    let client = naive::client(1, ms(60), calls.service(Ok));
    let begin = Instant::now();
    // Each call needs 50 ms. The tenth one waits 450 ms for its place, and succeeds.
    let answers = join_all((0..10).map(|_| client.clone().oneshot(()))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(begin.elapsed(), ms(500));
}

#[tokio::test(start_paused = true)]
async fn a_client_of_tower_can_be_spawned() {
    let calls = Calls::default();
    let client = client(breaker(), ATTEMPTS, 10, LIMIT, calls.service(Ok));
    let task = tokio::spawn(client.oneshot(()));
    assert_eq!(ends(task).await.unwrap().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_late_call_is_that_of_tower() {
    let once = Attempts { again: 0, ..ATTEMPTS };
    let service = service_fn(|()| pending::<Result<u32, BoxError>>());
    let error = client(breaker(), once, 10, LIMIT, service).oneshot(()).await;
    assert!(error.unwrap_err().is::<Elapsed>());
}
