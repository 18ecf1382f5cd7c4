use std::num::NonZeroU32;
use std::time::Duration;

use backend::figure::{Figure, tally};
use backend::{Longest, Reply, Site};
use futures::future::join_all;
use policy::Retry;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A hundred clients, each with its generator, of a service that answers 503 after 20 ms. The draws are
/// those of a generator that rand promises to keep.
async fn herd<R: Rng>(rng: impl Fn(u64) -> R) {
    let site = Site::default().with_reply("/a", Reply::status(ms(20), 503));
    let retry = Retry {
        attempts: NonZeroU32::new(4).unwrap(),
        base: ms(100),
        limit: None,
        budget: None,
        ..Retry::default()
    };
    join_all((0..100).map(|client| {
        let (site, retry, mut rng) = (&site, &retry, rng(client));
        let call = |_| {
            tally("calls");
            site.fetch("/a")
        };
        async move { retry.run(&mut rng, call).await.is_ok() }
    }))
    .await;
}

#[test]
fn retry() {
    Figure::new("retry", "A hundred clients of a service that is down")
        .panel("each waits 100, 200, 400 ms", || herd(|_| Longest))
        .panel("each wait is drawn between zero and that", || {
            herd(Xoshiro256PlusPlus::seed_from_u64)
        })
        .check();
}
