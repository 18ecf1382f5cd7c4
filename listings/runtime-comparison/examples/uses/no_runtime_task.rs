use super::shown::no_runtime::start;
use smol::future::yield_now;
use std::io;
use tokio::runtime::Runtime;

// ANCHOR: task
/// At work: sends an email.
async fn send_receipt() -> &'static str {
    yield_now().await;
    "sent"
}

pub(crate) fn main() -> io::Result<()> {
    let on_tokio =
        async { start(send_receipt(), |task| drop(tokio::spawn(task))).await };
    println!("Tokio: {}", Runtime::new()?.block_on(on_tokio));
    let on_smol =
        async { start(send_receipt(), |task| smol::spawn(task).detach()).await };
    println!("smol: {}", smol::block_on(on_smol));
    Ok(())
}
// ANCHOR_END: task
