use std::time::Duration;

use async_compat::Compat;
use smol::Timer;

/// From a crate that is written for Tokio.
pub(crate) async fn price(article: &str) -> u32 {
    tokio::time::sleep(Duration::from_millis(5)).await; // at work: a request
    if article == "tea" { 4 } else { 9 }
}

pub(crate) fn main() {
    smol::block_on(async {
        Timer::after(Duration::from_millis(5)).await;
        println!("a timer of smol has fired");
        let tea = Compat::new(price("tea")).await;
        println!("tea costs {tea} euros");
    });
}
