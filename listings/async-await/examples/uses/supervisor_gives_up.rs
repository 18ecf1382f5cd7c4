use super::supervisor::consume;
use async_await::supervisor::Supervisor;
use policy::Restart;
use rand::{SeedableRng, rngs::SmallRng};
use std::error::Error;
use std::num::NonZeroU16;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    std::panic::set_hook(Box::new(|_| {})); // prints no panic
    // ANCHOR: policy
    let restarts = const { NonZeroU16::new(1).unwrap() };
    let supervisor = Supervisor::new(Restart { restarts, ..Restart::default() })?;
    // ANCHOR_END: policy
    let mut rng = SmallRng::seed_from_u64(1);
    let (stop, begin, mut run) = (CancellationToken::new(), Instant::now(), 0);
    let start = |stop| {
        run += 1;
        println!("{:?}: run {run} begins", begin.elapsed());
        consume(run, stop)
    };
    let outcome = supervisor.run(&stop, &mut rng, start).await;
    // ANCHOR: causes
    let mut cause = outcome.as_ref().err().map(|error| error as &dyn Error);
    while let Some(error) = cause {
        println!("{error}");
        cause = error.source();
    }
    // ANCHOR_END: causes
    Ok(())
}
