use super::shown::bounded_concurrency::fetch_pages;
use futures::stream::StreamExt;
use reqwest::Client;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that knows one page, `/tea`.
async fn serve(listener: TcpListener) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let mut head = [0; 1024];
        let read = socket.read(&mut head).await.unwrap_or(0);
        let known = head[..read].starts_with(b"GET /tea ");
        let (status, body) =
            if known { ("200 OK", "green") } else { ("404 Not Found", "") };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        socket.write_all(answer.as_bytes()).await.unwrap_or(());
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> reqwest::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(serve(listener));
    // ANCHOR: http
    let limit = NonZeroUsize::new(2).expect("2 is not 0");
    let client =
        Client::builder().timeout(Duration::from_secs(10)).no_proxy().build()?;
    let urls = ["tea", "coal"].map(|page| format!("{server}/{page}"));
    let pages: BTreeMap<_, _> = fetch_pages(client, urls, limit).collect().await;
    for (url, page) in pages {
        match page {
            Ok(text) => println!("{}: {text}", url.replace(&server, "")),
            Err(error) => {
                println!("{}: {:?}", url.replace(&server, ""), error.status())
            }
        }
    }
    // ANCHOR_END: http
    Ok(())
}
