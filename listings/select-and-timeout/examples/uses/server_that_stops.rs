use select_and_timeout::server_that_stops::serve;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Tells `main` that a request has begun, so that it can stop the server just then.
pub(crate) static BEGUN: Notify = Notify::const_new();

/// At work: answers a request. Here it needs half a second.
pub(crate) async fn answer(product: String) -> String {
    BEGUN.notify_one();
    sleep(Duration::from_millis(500)).await;
    format!("{product}: 3 left")
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?; // 0: any free port
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let grace = Duration::from_secs(2);
    let server = tokio::spawn(serve(listener, answer, stop.clone(), grace));

    let mut client = TcpStream::connect(address).await?;
    client.write_all(b"tea\n").await?;
    BEGUN.notified().await;
    println!("stop!");
    stop.cancel();
    let mut reply = String::new();
    client.read_to_string(&mut reply).await?; // to the end of the connection
    print!("{reply}");
    println!("{:?}", server.await?);
    let refused = TcpStream::connect(address).await.map_err(|error| error.kind());
    println!("a new client: {refused:?}");
    Ok(())
}
