use futures::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: grow
/// At work: fetches a page, and returns the links in it.
async fn links(page: &str) -> (&str, Vec<&'static str>) {
    sleep(Duration::from_millis(10)).await;
    let links = if page == "home" { vec!["news", "prices"] } else { vec![] };
    (page, links)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut in_flight = FuturesUnordered::new();
    in_flight.push(links("home"));
    while let Some((page, found)) = in_flight.next().await {
        println!("{page} has {} links", found.len());
        in_flight.extend(found.into_iter().map(links));
    }
}
// ANCHOR_END: grow
