#!/usr/bin/env bash
# axum 0.8.9 with tower 0.5.3: a rate limit in a layer of a `Router`.
#
# `RateLimit` is not `Clone`, so everybody puts tower's `Buffer` around it: all clones of a `Buffer` share one
# worker, and so one limit. One would expect a `Router` with `BufferLayer` and `RateLimitLayer` to let pass one
# request an hour, whoever asks.
#
# What happens: with `axum::serve(listener, app)` each connection gets a limit of its own, and each route, too.
# A layer is a closure that waits for the state: `BoxedIntoRoute::map` keeps it (`src/boxed.rs`, `Map::into_route`), and
# `with_state` runs it. `serve` makes a service for each connection, and for a `Router` that is
# `self.clone().with_state(())` (`src/routing/mod.rs`, `impl Service<IncomingStream> for Router`). So the layers are
# applied at each connection. With `app.into_make_service()`, or after `app.with_state(())`, they are applied once.
# (The report is tokio-rs/axum#2634, open.)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "layer-per-connection"
version = "0.0.0"
edition = "2024"

[dependencies]
axum = { version = "=0.8.9", default-features = false, features = ["http1", "tokio"] }
tokio = { version = "=1.54.1", features = ["io-util", "macros", "net", "rt", "time"] }
tower = { version = "=0.5.3", features = ["buffer", "limit"] }

[workspace]
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::future::ready;
use std::net::SocketAddr;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{BoxError, Router};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tower::ServiceBuilder;

fn one_request_an_hour() -> Router {
    let failed = |_: BoxError| ready(StatusCode::INTERNAL_SERVER_ERROR);
    let limit = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(failed))
        .buffer(8)
        .rate_limit(1, Duration::from_secs(3600));
    let page = || ready("page");
    Router::new().route("/a", get(page)).route("/b", get(page)).layer(limit)
}

/// Whether there is an answer within two seconds, on a connection of its own.
async fn answered(server: SocketAddr, path: &str) -> bool {
    let ask = async {
        let mut connection = TcpStream::connect(server).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer.starts_with("HTTP/1.1 200")
    };
    timeout(Duration::from_secs(2), ask).await.unwrap_or(false)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    (listener, server)
}

async fn tell(how: &str, server: SocketAddr) {
    let mut came = Vec::new();
    for path in ["/a", "/a", "/a", "/b"] {
        came.push(answered(server, path).await);
    }
    println!("{how}: {came:?}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (listener, server) = listen().await;
    tokio::spawn(async { axum::serve(listener, one_request_an_hour()).await });
    tell("serve(listener, app)", server).await;

    let (listener, server) = listen().await;
    let app = one_request_an_hour().into_make_service();
    tokio::spawn(async { axum::serve(listener, app).await });
    tell("serve(listener, app.into_make_service())", server).await;

    let (listener, server) = listen().await;
    let app: Router = one_request_an_hour().with_state(());
    tokio::spawn(async { axum::serve(listener, app).await });
    tell("serve(listener, app.with_state(()))", server).await;
}
RUST

expected='serve(listener, app): [true, true, true, true]
serve(listener, app.into_make_service()): [true, false, false, true]
serve(listener, app.with_state(())): [true, false, false, true]'

output=$(cd "$folder" && cargo run --quiet)
echo "$output"
if [ "$output" = "$expected" ]; then
    echo "as recorded"
else
    diff <(echo "$expected") <(echo "$output") || true
    exit 1
fi
