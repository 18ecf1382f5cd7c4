use std::io;

use futures::stream::TryStreamExt;
use stream_processing::stream_sources::{Page, pages};

/// Numbers, three on each page. At work: a request to a server.
async fn numbers_from(first: u32) -> io::Result<Page<u32, u32>> {
    let next = first + 3;
    Ok(Page { items: (first..next).collect(), next: (next < 9).then_some(next) })
}

#[tokio::main]
pub(crate) async fn main() -> io::Result<()> {
    let all: Vec<_> = pages(0, numbers_from).try_collect().await?;
    println!("{all:?}");
    Ok(())
}
