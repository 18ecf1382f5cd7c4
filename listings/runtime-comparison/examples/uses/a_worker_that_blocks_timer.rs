use super::shown::a_worker_that_blocks::timer_fires;
use std::io;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::block_in_place;

// ANCHOR: main
pub(crate) fn main() -> io::Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let longest = Duration::from_millis(500);

    let fired = timer_fires(&runtime, longest, |wait| wait())?;
    println!("a task blocks its worker, and a timer fires: {fired}");

    let fired = timer_fires(&runtime, longest, |wait| block_in_place(wait))?;
    println!("with block_in_place: {fired}");
    Ok(())
}
// ANCHOR_END: main
