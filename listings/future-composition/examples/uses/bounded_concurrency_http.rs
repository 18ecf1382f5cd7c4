use super::shown::bounded_concurrency::fetch_pages;
use futures::stream::StreamExt;
use reqwest::Client;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const TEA: &str = "200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\ngreen";
const NOTHING: &str = "404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

async fn serve(listener: TcpListener) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let mut head = [0; 1024];
        let read = socket.read(&mut head).await.unwrap_or(0);
        let answer = if head[..read].starts_with(b"GET /tea ") { TEA } else { NOTHING };
        let answer = format!("HTTP/1.1 {answer}");
        socket.write_all(answer.as_bytes()).await.unwrap_or(());
    }
}

async fn start_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = format!("http://{}", listener.local_addr().expect("it has one"));
    tokio::spawn(serve(listener));
    server
}

// ANCHOR: http
#[tokio::main(flavor = "current_thread")] // the network needs real time
pub(crate) async fn main() -> reqwest::Result<()> {
    let server = start_server().await;
    let urls = ["/tea", "/coal"].map(|path| format!("{server}{path}"));
    let limit = NonZeroUsize::new(2).expect("2 is not 0");
    let client = Client::builder()
        .timeout(Duration::from_secs(10))
        .no_proxy() // because the server is on this machine
        .build()?;
    let pages: BTreeMap<_, _> = fetch_pages(client, urls, limit).collect().await;
    for (url, page) in pages {
        let path = url.replace(&server, "");
        println!("{path}: {:?}", page.map_err(|error| error.status()));
    }
    Ok(())
}
// ANCHOR_END: http
