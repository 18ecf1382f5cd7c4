use super::http_server_that_stops::{BEGUN, stock};
use super::shown::http_server_that_stops::serve_and_cut;
use axum::{Router, routing::get};
use std::error::Error;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/stock", get(stock));
    let (stop, grace) = (CancellationToken::new(), Duration::from_secs(2));
    // ANCHOR: server
    let server = tokio::spawn(serve_and_cut(listener, app, stop.clone(), grace));
    // ANCHOR_END: server

    let mut stuck = TcpStream::connect(address).await?;
    stuck.write_all(b"GET /stock HTTP/1.1\r\nho").await?; // the rest never comes
    let client = tokio::spawn(reqwest::get(format!("http://{address}/stock")));
    BEGUN.notified().await;

    println!("stop!");
    stop.cancel();
    println!("the first client: {}", client.await??.text().await?);
    let refused = TcpStream::connect(address).await.map_err(|error| error.kind());
    println!("a new client: {refused:?}");
    // ANCHOR: report
    println!("the server cut {} connection", server.await?);
    // ANCHOR_END: report
    Ok(())
}
