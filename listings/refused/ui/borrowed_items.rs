//! A concurrent stream over borrowed items compiles until somebody spawns it.

use futures::stream::{self, StreamExt};

async fn fetch(url: &str) -> usize {
    tokio::task::yield_now().await;
    url.len()
}

// ANCHOR: borrowed_items
async fn crawl(urls: Vec<String>) -> Vec<usize> {
    let pages = stream::iter(&urls).map(|url| async move { fetch(url).await });
    pages.buffer_unordered(2).collect().await
}

fn start(urls: Vec<String>) {
    tokio::spawn(crawl(urls));
}
// ANCHOR_END: borrowed_items

fn main() {
    start(Vec::new());
}
