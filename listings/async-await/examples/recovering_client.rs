//! A client of a price service that is down for a while: retry, breaker, bulkhead, time limit and fallback, second by
//! second.
//!
//! All of it runs on the paused clock, so each time is exact.

use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_await::errors_across_tasks::chain;
use async_await::fallback::{
    Ages, Answered, NoAnswer, OnError, Source, SourceError, Stale, with_fallbacks,
};
use async_await::recovery_order::{CallError, Client, ClientError, Settings};
use futures::future::join_all;
use policy::breaker::State;
use policy::{
    BreakerError, BreakerPolicy, BulkheadError, Failure, Limits, Retry, Transient,
};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::runtime::Builder;
use tokio::time::{Instant, interval, sleep};

fn main() -> Result<(), Box<dyn Error>> {
    let paused =
        Builder::new_current_thread().enable_time().start_paused(true).build()?;
    paused.block_on(async {
        outage().await?;
        burst().await?;
        old_values().await?;
        Ok(())
    })
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

// ANCHOR: error
/// What the service says if it gives no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum PriceError {
    #[error("status 503")]
    Busy,
    #[error("no such article")]
    NotFound,
}

impl Transient for PriceError {
    fn transient(&self) -> bool {
        *self == Self::Busy
    }
}
// ANCHOR_END: error

// ANCHOR: service
/// A service that is down from second 3 to second 16, and knows no article 404.
struct Prices {
    begin: Instant,
    calls: AtomicU32,
}

impl Prices {
    fn new() -> Self {
        Self { begin: Instant::now(), calls: AtomicU32::new(0) }
    }

    async fn of(&self, article: u32) -> Result<u32, PriceError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        sleep(ms(50)).await;
        match (self.begin.elapsed().as_secs(), article) {
            (3..16, _) => Err(PriceError::Busy),
            (_, 404) => Err(PriceError::NotFound),
            _ => Ok(120),
        }
    }
}
// ANCHOR_END: service

// ANCHOR: client
/// 3 attempts, and 200 ms for a call. 5 attempts that fail in a row open the breaker
/// for 5 s, and 2 that succeed close it. 2 calls at once, and 2 may wait.
fn client(rng: &mut SmallRng) -> Result<Client, Box<dyn Error>> {
    let two = NonZeroUsize::MIN.saturating_add(1);
    let settings = Settings {
        retry: Retry { limit: None, ..Retry::default() },
        breaker: BreakerPolicy {
            failures: NonZeroU32::MIN.saturating_add(4),
            open: Duration::from_secs(5),
            jitter: Duration::ZERO,
            ..BreakerPolicy::default()
        },
        bulkhead: Limits { calls: two, queue: 2, longest_wait: ms(500) },
        limit: ms(200),
    };
    Ok(Client::new(settings, rng)?)
}
// ANCHOR_END: client

// ANCHOR: price
type Price = Result<Answered<u32>, NoAnswer<ClientError<PriceError>>>;

/// The price of an article: from the service, or else from the old list. "There is no
/// such article" is an answer, so the old list is not asked.
async fn price(
    client: &Client,
    prices: &Prices,
    rng: &mut SmallRng,
    article: u32,
) -> Price {
    let service = Source::new("service", Duration::from_secs(3), || async move {
        client.call(rng, || prices.of(article)).await
    });
    let old_list = Source::new("old list", ms(100), || async { Ok(119) });
    with_fallbacks(service, [old_list], |error| match error {
        SourceError::Failed { source, .. } if is_no(source) => OnError::Fail,
        _ => OnError::FallBack,
    })
    .await
}

/// Whether the service has answered, and said no.
fn is_no(error: &ClientError<PriceError>) -> bool {
    let no = CallError::Failed(PriceError::NotFound);
    error.last == Failure::Error(BreakerError::Inner(BulkheadError::Call(no)))
}
// ANCHOR_END: price

// ANCHOR: outage
/// One request a second. Prints a line when something has changed.
async fn outage() -> Result<(), Box<dyn Error>> {
    let mut rng = SmallRng::seed_from_u64(1);
    let (client, prices) = (client(&mut rng)?, Prices::new());
    let (mut seconds, mut states) = (interval(Duration::from_secs(1)), Vec::new());
    let mut last = String::new();
    for second in 0..20 {
        seconds.tick().await;
        let answered = price(&client, &prices, &mut rng, 1).await?;
        let state = match client.breaker().state() {
            State::Closed => "closed",
            State::Open { .. } => "open",
            State::HalfOpen => "half-open",
        };
        let line = format!("{} from the {}, {state}", answered.value, answered.by);
        if line != last {
            let calls = prices.calls.load(Ordering::Relaxed);
            println!("second {second}: {line}; {calls} calls so far");
            last = line;
        }
        if states.last() != Some(&state) {
            states.push(state);
        }
    }
    assert_eq!(states, ["closed", "open", "half-open", "closed"]);
    Ok(())
}
// ANCHOR_END: outage

// ANCHOR: burst
/// Six requests at once, for a client that makes two calls at once; then a 404.
async fn burst() -> Result<(), Box<dyn Error>> {
    let client = client(&mut SmallRng::seed_from_u64(2))?;
    let prices = Prices::new();
    let requests = (0..6).map(|seed| {
        let (client, prices) = (&client, &prices);
        let mut rng = SmallRng::seed_from_u64(seed);
        async move { price(client, prices, &mut rng, 1).await }
    });
    for (number, answer) in join_all(requests).await.into_iter().enumerate() {
        let answered = answer?;
        println!("request {number}: {} from the {}", answered.value, answered.by);
    }
    println!("the breaker is {:?}", client.breaker().state());
    let mut rng = SmallRng::seed_from_u64(3);
    match price(&client, &prices, &mut rng, 404).await {
        Ok(answered) => println!("article 404: {answered:?}"),
        Err(error) => println!("article 404: {}", chain(&error)),
    }
    Ok(())
}
// ANCHOR_END: burst

// ANCHOR: old_values
/// The last good price is given at once, and refreshed in the background.
async fn old_values() -> Result<(), Box<dyn Error>> {
    let mut rng = SmallRng::seed_from_u64(4);
    let (client, service) = (client(&mut rng)?, Arc::new(Prices::new()));
    let ages = Ages {
        fresh: Duration::from_secs(1),
        stale: Duration::from_mins(1),
        limit: Duration::from_secs(3),
    };
    let load = move || {
        let (client, service) = (client.clone(), Arc::clone(&service));
        let mut rng = SmallRng::seed_from_u64(5);
        async move { client.call(&mut rng, || service.of(1)).await }
    };
    let last = Stale::new("service", ages, load, |_error| OnError::FallBack);
    last.ask_first().await?;
    for seconds in [2, 8, 8] {
        sleep(Duration::from_secs(seconds)).await;
        let price = last.at_once()?;
        println!("{} at once, {:?} old", price.value, price.age);
    }
    Ok(())
}
// ANCHOR_END: old_values
