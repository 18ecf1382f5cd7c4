use std::time::Duration;
use tokio::time::sleep;

use runtime_comparison::block_in_place::{CannotWait, wait_for};

/// Of a crate that is not async: it calls `price` for each article.
pub(crate) trait Prices {
    fn price(&self, article: &str) -> Result<u32, CannotWait>;
}

pub(crate) fn total(prices: &dyn Prices, articles: &[&str]) -> Result<u32, CannotWait> {
    articles.iter().map(|article| prices.price(article)).sum()
}

/// Yours: the prices are on a server.
pub(crate) struct Shop;

impl Shop {
    async fn ask(&self, article: &str) -> u32 {
        sleep(Duration::from_millis(10)).await; // the server answers
        if article == "pen" { 120 } else { 80 }
    }
}

impl Prices for Shop {
    fn price(&self, article: &str) -> Result<u32, CannotWait> {
        wait_for(self.ask(article))
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let order = tokio::spawn(async { total(&Shop, &["pen", "ink"]) });
    println!("total: {} cents", order.await??);
    Ok(())
}
