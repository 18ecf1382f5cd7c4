use futures::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: grow
/// At work: fetches a page, and returns the links in it.
async fn links(page: &str) -> (&str, Vec<&'static str>) {
    let (needs, found) = match page {
        "home" => (10, vec!["news", "prices"]),
        "news" => (20, vec!["archive"]),
        _ => (30, vec![]),
    };
    sleep(Duration::from_millis(needs)).await;
    (page, found)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut waiting = vec!["home"]; // pages that nobody has asked for yet
    let mut in_flight = FuturesUnordered::new();
    loop {
        while in_flight.len() < 2 {
            let Some(page) = waiting.pop() else { break };
            in_flight.push(links(page));
        }
        let Some((page, found)) = in_flight.next().await else { break }; // all done
        println!("{page} has {} links", found.len());
        waiting.extend(found);
    }
}
// ANCHOR_END: grow
