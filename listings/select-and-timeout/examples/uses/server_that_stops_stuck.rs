use super::server_that_stops::{BEGUN, answer};
use super::shown::server_that_stops::serve;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let grace = Duration::from_secs(2);
    let server = tokio::spawn(serve(listener, answer, stop.clone(), grace));

    // ANCHOR: stuck
    let _idle = TcpStream::connect(address).await?;
    let mut stuck = TcpStream::connect(address).await?;
    stuck.write_all(b"te").await?; // and the rest never comes
    let mut client = TcpStream::connect(address).await?;
    client.write_all(b"tea\n").await?;
    // ANCHOR_END: stuck
    BEGUN.notified().await;

    println!("stop!");
    stop.cancel();
    let mut reply = String::new();
    client.read_to_string(&mut reply).await?;
    print!("{reply}");
    println!("{:?}", server.await?);
    let refused = TcpStream::connect(address).await.map_err(|error| error.kind());
    println!("a new client: {refused:?}");
    Ok(())
}
