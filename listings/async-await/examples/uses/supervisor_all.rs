use async_await::supervisor::{Supervisor, one_for_all};
use policy::Restart;
use rand::{SeedableRng, rngs::SmallRng};
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

// ANCHOR: parts
async fn read(run: u32) -> io::Result<()> {
    sleep(Duration::from_millis(20)).await;
    if run == 1 { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
}

async fn write() -> io::Result<()> {
    sleep(Duration::from_millis(50)).await;
    println!("the writer is done");
    Ok(())
}
// ANCHOR_END: parts

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let supervisor = Supervisor::new(Restart::default())?;
    let mut rng = SmallRng::seed_from_u64(1);
    let (stop, begin, mut run) = (CancellationToken::new(), Instant::now(), 0);
    // ANCHOR: start
    let start = |_stop| {
        run += 1;
        println!("{:?}: run {run} begins", begin.elapsed());
        let mut tasks = JoinSet::new();
        tasks.spawn(read(run));
        tasks.spawn(write());
        one_for_all(tasks)
    };
    // ANCHOR_END: start
    let outcome = supervisor.run(&stop, &mut rng, start).await;
    println!("{:?}: {outcome:?}", begin.elapsed());
    Ok(())
}
