use std::io;
use std::pin::pin;
use std::time::Duration;

use futures::stream::{self, Stream, TryStreamExt};
use tokio::time::sleep;

struct Page {
    orders: Vec<&'static str>,
    next: Option<u32>,
}

/// At work: a request to a server.
async fn fetch(page: u32) -> io::Result<Page> {
    println!("request for page {page}");
    sleep(Duration::from_millis(60)).await;
    Ok(match page {
        1 => Page { orders: vec!["tea", "milk"], next: Some(2) },
        2 => Page { orders: vec!["bread"], next: Some(3) },
        _ => Page { orders: vec!["oil"], next: None },
    })
}

pub(crate) fn pages() -> impl Stream<Item = io::Result<Vec<&'static str>>> {
    stream::try_unfold(Some(1), |next| async move {
        let Some(number) = next else { return Ok(None) }; // the end
        let page = fetch(number).await?; // an error is the last item
        Ok(Some((page.orders, page.next))) // an item, and the next state
    })
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> io::Result<()> {
    let mut list = pin!(pages());
    println!("{:?}", list.try_next().await?);
    println!("{:?}", list.try_next().await?);
    Ok(())
}
