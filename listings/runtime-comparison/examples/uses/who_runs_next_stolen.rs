use super::shown::who_runs_next::stolen;
use std::error;
use std::time::Duration;
use tokio::runtime::Builder;

// ANCHOR: main
pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    let patience = Duration::from_millis(500);
    let runtime = Builder::new_multi_thread().worker_threads(2).build()?;
    println!("the other worker ran {}", runtime.block_on(stolen(patience)));
    Ok(())
}
// ANCHOR_END: main
