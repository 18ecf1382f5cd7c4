use std::io;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::LinesStream;

#[tokio::main]
pub(crate) async fn main() -> io::Result<()> {
    // At work: `tokio::fs::File::open("access.log").await?`.
    let log = "200 /home\n404 /old\n200 /about\n404 /gone\n".as_bytes();
    let mut lines = LinesStream::new(BufReader::new(log).lines());

    let mut missing = 0;
    while let Some(line) = lines.try_next().await? {
        if line.starts_with("404") {
            missing += 1;
        }
    }
    println!("{missing} pages were not found");
    Ok(())
}
