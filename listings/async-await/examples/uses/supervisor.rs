use async_await::supervisor::Supervisor;
use policy::Restart;
use rand::{SeedableRng, rngs::SmallRng};
use std::{error::Error, io, time::Duration};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Saves three orders from a queue. The first two runs fail.
pub(crate) async fn consume(run: u32, stop: CancellationToken) -> io::Result<()> {
    sleep(Duration::from_millis(20)).await; // connects
    if run == 1 {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    assert!(run != 2, "no such column");
    for order in 1..=3 {
        if stop.is_cancelled() {
            break; // somebody asked this run to stop
        }
        println!("saves order {order}");
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    std::panic::set_hook(Box::new(|_| {})); // prints no panic
    let supervisor = Supervisor::new(Restart::default())?;
    let mut rng = SmallRng::seed_from_u64(1); // at work: `rand::make_rng()`
    let (stop, begin, mut run) = (CancellationToken::new(), Instant::now(), 0);
    let start = |stop| {
        run += 1;
        println!("{:?}: run {run} begins", begin.elapsed());
        consume(run, stop)
    };
    let outcome = supervisor.run(&stop, &mut rng, start).await;
    println!("{:?}: {outcome:?}", begin.elapsed());
    Ok(())
}
