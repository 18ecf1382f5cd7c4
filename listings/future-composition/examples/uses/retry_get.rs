use super::shown::retry_http::get_json;
use policy::retry::Retry;
use rand::rngs::SmallRng;
use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that is busy at the first request.
async fn serve(listener: TcpListener) {
    let busy = ("503 Service Unavailable", "busy");
    let prices = ("200 OK", r#"{"tea":250}"#);
    for (status, body) in [busy, prices] {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let _head = socket.read(&mut [0; 1024]).await.expect("a request");
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}", body.len());
        let answer = format!("{head}\r\nConnection: close\r\n\r\n{body}");
        socket.write_all(answer.as_bytes()).await.expect("a reader");
    }
}

async fn start_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(serve(listener));
    format!("http://{address}")
}

// ANCHOR: get
#[tokio::main(flavor = "current_thread")] // the network needs real time
pub(crate) async fn main() -> reqwest::Result<()> {
    let url = format!("{}/prices", start_server().await);
    let client = Client::builder().no_proxy().build()?;
    let retry = Retry::default();
    let mut rng: SmallRng = rand::make_rng();
    match get_json::<Value>(&client, &url, &retry, &mut rng).await {
        Ok(prices) => println!("{prices}"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
// ANCHOR_END: get
