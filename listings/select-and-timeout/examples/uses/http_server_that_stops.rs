use axum::{Router, routing::get};
use select_and_timeout::http_server_that_stops::serve_until;
use std::error::Error;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Tells `main` that a request has begun, so that it can stop the server just then.
pub(crate) static BEGUN: Notify = Notify::const_new();

/// At work: looks into the database. Here it needs half a second.
pub(crate) async fn stock() -> &'static str {
    BEGUN.notify_one();
    sleep(Duration::from_millis(500)).await;
    "tea: 3 left"
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?; // 0: any free port
    let address = listener.local_addr()?;
    let app = Router::new().route("/stock", get(stock));
    let (stop, grace) = (CancellationToken::new(), Duration::from_secs(2));
    let server = tokio::spawn(serve_until(listener, app, stop.clone(), grace));

    let client = tokio::spawn(reqwest::get(format!("http://{address}/stock")));
    BEGUN.notified().await;

    println!("stop!");
    stop.cancel();
    println!("the first client: {}", client.await??.text().await?);
    let refused = TcpStream::connect(address).await.map_err(|error| error.kind());
    println!("a new client: {refused:?}");
    println!("the server: {:?}", server.await??);
    Ok(())
}
