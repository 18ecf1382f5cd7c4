use super::supervisor::consume;
use async_await::supervisor::Supervisor;
use policy::Restart;
use rand::{SeedableRng, rngs::SmallRng};
use std::error::Error;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    std::panic::set_hook(Box::new(|_| {})); // prints no panic
    let supervisor = Supervisor::new(Restart::default())?;
    let mut rng = SmallRng::seed_from_u64(1);
    let (stop, begin, mut run) = (CancellationToken::new(), Instant::now(), 0);
    let start = |stop| {
        run += 1;
        println!("{:?}: run {run} begins", begin.elapsed());
        consume(run, stop)
    };
    // ANCHOR: stop
    let asked = async {
        sleep(Duration::from_millis(450)).await;
        println!("{:?}: stop!", begin.elapsed());
        stop.cancel();
    };
    let running = supervisor.run(&stop, &mut rng, start);
    let (outcome, ()) = tokio::join!(running, asked);
    // ANCHOR_END: stop
    println!("{:?}: {outcome:?}", begin.elapsed());
    Ok(())
}
