use runtime_comparison::more_cores::Parts;
use std::{collections::HashMap, error::Error, num::NonZeroUsize, thread};
use tokio::sync::{mpsc, oneshot};

pub(crate) struct Visit {
    page: &'static str,
    answer: oneshot::Sender<u64>,
}

/// Owns the counts of some pages. Nobody else sees them, so there is no lock.
pub(crate) async fn count(mut visits: mpsc::Receiver<Visit>) {
    let mut counts = HashMap::new();
    while let Some(Visit { page, answer }) = visits.recv().await {
        let visits_of_page = counts.entry(page).or_insert(0);
        *visits_of_page += 1;
        let _nobody_waits = answer.send(*visits_of_page);
    }
}

pub(crate) async fn visit(
    counters: &Parts<Visit>,
    page: &'static str,
) -> Result<u64, Box<dyn Error>> {
    let (answer, counted) = oneshot::channel();
    counters.part_of(page).send(Visit { page, answer }).await?;
    Ok(counted.await?)
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let cores = thread::available_parallelism()?;
    let places = NonZeroUsize::MIN.saturating_add(63);
    let (counters, tasks) = Parts::start(cores, places, count);
    for page in ["/", "/docs", "/", "/blog", "/docs", "/"] {
        println!("{page} has {} visits", visit(&counters, page).await?);
    }
    drop(counters); // the tasks work off their queues, and end
    tasks.join_all().await;
    Ok(())
}
