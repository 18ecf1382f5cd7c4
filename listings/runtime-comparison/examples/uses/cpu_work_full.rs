//! One computation is under way, and one is the limit.

use std::error;
use std::sync::{Arc, mpsc};

use rayon::ThreadPoolBuilder;
use tokio::sync::Semaphore;

use super::shown::cpu_work::compute_or_refuse;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn error::Error>> {
    let pool = ThreadPoolBuilder::new().num_threads(2).build()?;
    // ANCHOR: full
    let permits = Arc::new(Semaphore::new(1));
    let (end, ended) = mpsc::channel();
    let first = compute_or_refuse(&pool, &permits, move || ended.recv());
    let second = async {
        match compute_or_refuse(&pool, &permits, || 42).await {
            Ok(report) => println!("200: {report}"),
            Err(error) => println!("503: {error}"),
        }
        end.send("the first report") // now the first one may end
    };
    let (first, second) = tokio::join!(first, second);
    println!("200: {}", first??);
    second?;
    // ANCHOR_END: full
    Ok(())
}
