#!/usr/bin/env bash
# reqwest 0.13.5 (tokio 1.54.1): both limits of a request begin in `send()`, not at its first poll.
#
# Expected: `send()` returns a future, a future does nothing before it is polled, and the documentation of
# `RequestBuilder::timeout` says "from when the request starts connecting until the response body has
# finished". So a request that was made early and waits for its turn (behind a semaphore, in a `buffered`
# stream of finished `send()`s, in the second half of a sequence) has its whole limit when its turn comes.
#
# What happens: `send` is a plain `fn`. `Client::execute_request` makes `tokio::time::sleep(timeout)` and
# `sleep(read_timeout)` at once. After a wait as long as the limit the first poll is an error `is_timeout()`
# and nothing is sent. With `async { client.get(url).send().await }` it is sent.
#
# Where: reqwest-0.13.5/src/async_impl/client.rs:2670-2682 (`total_timeout`, `read_timeout_fut`),
# reqwest-0.13.5/src/async_impl/request.rs:521 (`pub fn send`), :291 (the documentation).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'E'
[package]
name = "reqwest-limits"
version = "0.1.0"
edition = "2024"

[dependencies]
reqwest = { version = "=0.13.5", default-features = false }
tokio = { version = "=1.54.1", features = ["io-util", "macros", "net", "rt", "time"] }
E
cat > src/main.rs <<'E'
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

const LIMIT: Duration = Duration::from_millis(500);

fn told(end: Result<Response, reqwest::Error>) -> &'static str {
    match end {
        Ok(_) => "answered",
        Err(error) if error.is_timeout() => "timed out",
        Err(_) => "failed",
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    // Answers each request at once.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut head).await.unwrap();
            }
            counter.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    });
    let total = Client::builder().no_proxy().timeout(LIMIT).build().unwrap();
    let read = Client::builder().no_proxy().read_timeout(LIMIT).build().unwrap();
    for (name, client) in [("timeout", total), ("read_timeout", read)] {
        let sent = client.get(&url).send();
        sleep(LIMIT + LIMIT / 5).await;
        println!("{name}, send() before the wait: {}", told(sent.await));
        println!("requests at the server: {}", requests.swap(0, Ordering::SeqCst));
        let lazy = async { client.get(&url).send().await };
        sleep(LIMIT + LIMIT / 5).await;
        println!("{name}, send() in an async block: {}", told(lazy.await));
        println!("requests at the server: {}", requests.swap(0, Ordering::SeqCst));
    }
}
E
cat > expected <<'E'
timeout, send() before the wait: timed out
requests at the server: 0
timeout, send() in an async block: answered
requests at the server: 1
read_timeout, send() before the wait: timed out
requests at the server: 0
read_timeout, send() in an async block: answered
requests at the server: 1
E
cargo run --quiet > printed
cat printed
diff expected printed || exit 1
echo "as recorded"
