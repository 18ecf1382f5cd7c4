#!/usr/bin/env bash
# tokio-util 0.7.20, futures-util 0.3.34: `SinkExt::send` of a `Framed`, dropped while it waits.
#
# One would expect, from the section *Cancel safety* of `Framed`: "it is guaranteed that the message was not sent, but
# the message itself is lost". So who gives up on a `send`, and still wants the message to arrive, sends it again.
#
# What happens: that holds only while `send` waits for room in the buffer of `Framed`. If it waits for the socket, the
# frame is in the buffer already. The next `send` writes it, and the message that was sent again arrives twice.
#
# Where: tokio-util-0.7.20/src/codec/framed_impl.rs (`start_send` encodes into the buffer; a drop of `send` leaves the
# buffer as it is, and `poll_flush` writes all of it).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "framed-sends-what-was-dropped"
version = "0.0.0"
edition = "2021"

[dependencies]
futures-util = { version = "=0.3.34", features = ["sink"] }
tokio = { version = "=1.54.1", features = ["io-util", "macros", "rt", "test-util", "time"] }
tokio-util = { version = "=0.7.20", features = ["codec"] }
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::time::Duration;

use futures_util::SinkExt;
use tokio::io::{duplex, AsyncReadExt};
use tokio::time::timeout;
use tokio_util::codec::{Framed, LinesCodec};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let limit = Duration::from_secs(1);

    let (client, mut server) = duplex(4); // nobody reads yet
    let mut lines = Framed::new(client, LinesCodec::new());
    let first = timeout(limit, lines.send("pay 10")).await;
    println!("the first send: {}", if first.is_err() { "dropped" } else { "sent" });
    let again = async {
        lines.send("pay 10").await.expect("the other side reads");
        drop(lines);
    };
    let mut arrived = String::new();
    let read = server.read_to_string(&mut arrived);
    let ((), read) = tokio::join!(again, read);
    read.expect("lines are UTF-8");
    println!("what arrives: {:?}", arrived.lines().collect::<Vec<_>>());

    let (client, mut server) = duplex(4);
    let mut lines = Framed::new(client, LinesCodec::new());
    lines.set_backpressure_boundary(2); // so that the second send waits for room
    let _ = timeout(limit, lines.send("pay 10")).await;
    let _ = timeout(limit, lines.send("pay 20")).await;
    let last = async {
        lines.send("pay 30").await.expect("the other side reads");
        drop(lines);
    };
    let mut arrived = String::new();
    let read = server.read_to_string(&mut arrived);
    let ((), read) = tokio::join!(last, read);
    read.expect("lines are UTF-8");
    println!("if the second waited for room: {:?}", arrived.lines().collect::<Vec<_>>());
}
RUST

expected='the first send: dropped
what arrives: ["pay 10", "pay 10"]
if the second waited for room: ["pay 10", "pay 30"]'
got=$(cargo run --quiet --manifest-path "$folder/Cargo.toml")
echo "$got"
diff <(echo "$expected") <(echo "$got") || exit 1
echo 'as recorded'
