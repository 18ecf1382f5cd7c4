use super::shown::who_runs_next::turns_before_an_outsider;
use std::error;
use tokio::runtime::Builder;

// ANCHOR: main
pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    for interval in [31, 5] {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.global_queue_interval(interval).build()?;
        let busy = async { tokio::spawn(turns_before_an_outsider()).await };
        let turns = runtime.block_on(busy)?;
        println!("interval {interval}: it came after {turns} turns");
    }
    Ok(())
}
// ANCHOR_END: main
