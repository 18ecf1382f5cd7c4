use super::shown::who_runs_next::yields;
use std::io;
use tokio::runtime::Builder;

// ANCHOR: main
pub(crate) fn main() -> io::Result<()> {
    let runtime = Builder::new_current_thread().build()?;
    println!("{}", runtime.block_on(yields()));
    Ok(())
}
// ANCHOR_END: main
