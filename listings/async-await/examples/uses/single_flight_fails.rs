use futures::future::join_all;
use std::{io, time::Duration};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

// ANCHOR: load
async fn load() -> io::Result<u32> {
    println!("the service is called");
    sleep(Duration::from_secs(1)).await;
    Err(io::ErrorKind::ConnectionRefused.into())
}
// ANCHOR_END: load

async fn ask(caller: u32, price: &OnceCell<u32>) {
    let start = Instant::now();
    let answer = price.get_or_try_init(load).await;
    println!("caller {caller} waits {:?}: {answer:?}", start.elapsed());
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let price = OnceCell::new();
    join_all((1..=3).map(|caller| ask(caller, &price))).await;
}
