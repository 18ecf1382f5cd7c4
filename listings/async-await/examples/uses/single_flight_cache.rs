use async_await::single_flight::Cache;
use futures::future::join_all;
use std::{io, num::NonZeroUsize, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// At work: asks a slow service for a price. Today it knows no price of ink.
async fn load(item: &'static str) -> io::Result<u32> {
    println!("the service is called: {item}");
    sleep(Duration::from_secs(1)).await;
    if item == "ink" { Err(io::ErrorKind::NotFound.into()) } else { Ok(120) }
}

type Prices = Cache<&'static str, u32, io::Error>;

async fn ask(caller: u32, item: &'static str, prices: &Prices) {
    let start = Instant::now();
    let answer = prices.get(item, load(item)).await;
    println!("caller {caller} waits {:?}: {answer:?}", start.elapsed());
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // Keeps each price for a minute, and at most 1000 prices.
    let most = const { NonZeroUsize::new(1000).unwrap() };
    let prices = Prices::new(Duration::from_mins(1), most);

    let gives_up = timeout(Duration::from_millis(600), ask(1, "pen", &prices));
    let (_too_late, ()) = futures::join!(gives_up, ask(2, "pen", &prices));

    join_all((3..=5).map(|caller| ask(caller, "ink", &prices))).await;
}
