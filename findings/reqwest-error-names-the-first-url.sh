#!/usr/bin/env bash
# reqwest 0.13.5: after a redirect, an error names the URL that was asked, not the one that failed.
#
# One would expect: a server answers 302 to another address, and nobody listens there. The error
# says which address did not answer, as `Response::url` says where a request ended.
# What happens: text and `Error::url()` name the first server, which did answer. The address that
# failed is nowhere in the chain of causes. The same holds for a second server that is silent until
# the client's time limit. Only when the redirect itself is refused (a loop, too many) does
# `Error::url()` name the last stop, which is the example in its docs.
# Where: src/async_impl/client.rs, `impl Future for PendingRequest`: an error gets `self.url`, and
# `self.url` takes the place where the request ended only from a response (3096 to 3134).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'END'
[package]
name = "finding"
version = "0.1.0"
edition = "2024"

[dependencies]
reqwest = { version = "=0.13.5", default-features = false }
tokio = { version = "=1.54.1", features = ["io-util", "macros", "net", "rt", "time"] }

[workspace]
END

cat > "$folder/src/main.rs" <<'END'
use std::error::Error;
use std::time::Duration;

use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

/// Answers each request with a redirect to `location`; its own address, as a URL.
async fn redirects_to(location: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && socket.read_buf(&mut request).await.unwrap() > 0 {}
            let head = "HTTP/1.1 302 Found\r\nconnection: close\r\ncontent-length: 0\r\n";
            socket.write_all(format!("{head}location: {location}\r\n\r\n").as_bytes()).await.unwrap();
        }
    });
    url
}

async fn tell(what: &str, client: &Client, first: String, second: String) {
    let error = client.get(&first).send().await.unwrap_err();
    let mut text = String::new();
    let mut next: Option<&dyn Error> = Some(&error);
    while let Some(cause) = next {
        text += &format!("{cause}; ");
        next = cause.source();
    }
    let named = error.url().unwrap().as_str();
    println!(
        "{what}: url() is the first: {}, the second: {}; the text names the first: {}, the second: {}",
        named == first,
        named == second,
        text.contains(&format!("({first})")),
        text.contains(&format!("({second})")),
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(1)).build().unwrap();

    // Bound, and nobody listens.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let second = format!("http://{}/", closed.local_addr().unwrap());
    tell("refused", &client, redirects_to(second.clone()).await, second).await;

    // Listens, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = format!("http://{}/", silent.local_addr().unwrap());
    tell("silent", &client, redirects_to(second.clone()).await, second).await;

    // Leads to itself, until reqwest has had enough.
    let first = redirects_to("/again".into()).await;
    let second = format!("{first}again");
    tell("in circles", &client, first, second).await;
}
END

cat > "$folder/expected" <<'END'
refused: url() is the first: true, the second: false; the text names the first: true, the second: false
silent: url() is the first: true, the second: false; the text names the first: true, the second: false
in circles: url() is the first: false, the second: true; the text names the first: false, the second: true
END

cd "$folder"
cargo run --quiet > got
cat got
diff expected got && echo "as recorded"
