use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Debug, thiserror::Error)]
#[error("there is no such table")]
pub(crate) struct NoSuchTable;

/// At work: asks a service, which needs so many milliseconds. It knows no table `nmae`.
pub(crate) async fn look_up(table: &str, millis: u64) -> Result<String, NoSuchTable> {
    sleep(Duration::from_millis(millis)).await;
    if table == "nmae" { Err(NoSuchTable) } else { Ok(format!("{table} of Ada")) }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let name = look_up("name", 100).await;
    let orders = look_up("orders", 100).await;
    let balance = look_up("balance", 100).await;
    println!("{name:?}, {orders:?}, {balance:?}");
    println!("after {:?}", start.elapsed());
}
