use std::io;

use futures::AsyncBufReadExt;
use futures::io::{AsyncRead, BufReader};
use tokio::io::AsyncWriteExt;
use tokio_util::compat::TokioAsyncReadCompatExt;
/// From a crate that is written for the traits of `futures`.
async fn first_line(stream: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> io::Result<()> {
    // Two ends in this program, as a `TcpStream` of Tokio between two programs.
    let (mut server, client) = tokio::io::duplex(64);
    server.write_all(b"good morning\n").await?;
    let line = first_line(client.compat()).await?;
    print!("the server says: {line}");
    Ok(())
}
