use futures::executor::LocalPool;
use futures::{StreamExt, stream};
use runtime_comparison::no_runtime::{process_items, within};
use smol::Timer;
use std::future::{Future, pending};
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::sleep;

/// At work: asks a server. For article 2 there is never an answer.
async fn price(article: u32) -> u32 {
    if article == 2 {
        pending::<()>().await;
    }
    article * 10
}

/// The library: all prices, two at a time, with a limit for each.
async fn prices<S: Future>(sleep: impl Fn(Duration) -> S) -> Vec<Option<u32>> {
    let limit = Duration::from_millis(20);
    let articles = stream::iter([1, 2, 3]);
    let two = NonZeroUsize::MIN.saturating_add(1);
    let prices =
        process_items(articles, two, |article| within(price(article), limit, &sleep));
    prices.map(Result::ok).collect().await
}

pub(crate) fn main() -> io::Result<()> {
    println!("Tokio:    {:?}", Runtime::new()?.block_on(prices(sleep)));
    println!("smol:     {:?}", smol::block_on(prices(Timer::after)));
    println!("futures:  {:?}", LocalPool::new().run_until(prices(Timer::after)));
    println!("pollster: {:?}", pollster::block_on(prices(Timer::after)));
    Ok(())
}
