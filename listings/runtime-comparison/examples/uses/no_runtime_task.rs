use super::shown::no_runtime::start;
use std::io;
use tokio::runtime::Runtime;

// ANCHOR: task
/// At work: writes to a disk, for long.
async fn work() -> &'static str {
    "written"
}

pub(crate) fn main() -> io::Result<()> {
    let on_tokio = async { start(work(), |task| drop(tokio::spawn(task))).await };
    println!("Tokio: {}", Runtime::new()?.block_on(on_tokio));
    let on_smol = async { start(work(), |task| smol::spawn(task).detach()).await };
    println!("smol: {}", smol::block_on(on_smol));
    Ok(())
}
// ANCHOR_END: task
