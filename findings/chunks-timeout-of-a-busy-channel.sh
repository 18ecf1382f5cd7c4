#!/usr/bin/env bash
# tokio-stream 0.1.19, tokio 1.54.1: a busy channel keeps `chunks_timeout` from its timeout, through Tokio's budget.
#
# One would expect: `chunks_timeout(n, 100 ms)` gives what has come after 100 ms, or a little later under load: a
# poll of the channel is `Pending` every 128 items, and then the timer is polled.
# What happens: the channel is `Pending` because the task has spent its budget, and `Sleep` asks the same budget
# first, so it is `Pending` too, although its time is over. As long as two producers keep the channel from being
# empty, nothing comes: here for the 2 seconds that they send. Without a budget (`unconstrained`) the channel runs
# empty now and then, and the batch comes after 100 ms.
# Where: tokio-stream 0.1.19, src/stream_ext/chunks_timeout.rs, poll_next: the loop over the stream comes first, and
# the deadline is polled plainly. tokio 1.54.1, src/time/sleep.rs, poll_elapsed begins with coop::poll_proceed.
# `tokio::time::timeout` knows of this, and polls its timer without a budget then (src/time/timeout.rs).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "busy-channel"
version = "0.1.0"
edition = "2024"

[dependencies]
tokio = { version = "=1.54.1", features = ["macros", "rt", "sync", "time"] }
tokio-stream = { version = "=0.1.19", features = ["time"] }
TOML
cat > "$folder/src/main.rs" <<'RUST'
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

const SENDING: Duration = Duration::from_secs(2);

/// Whether the first batch, due after 100 ms, came while the producers were sending.
async fn first_batch(unconstrained: bool) -> bool {
    let (sender, receiver) = mpsc::channel(1_000);
    let start = Instant::now();
    for _ in 0..2 {
        let sender = sender.clone();
        tokio::spawn(async move {
            while start.elapsed() < SENDING && sender.send(1).await.is_ok() {}
        });
    }
    drop(sender);
    let batches = ReceiverStream::new(receiver).chunks_timeout(1 << 27, Duration::from_millis(100));
    let mut batches = std::pin::pin!(batches);
    if unconstrained {
        tokio::task::unconstrained(batches.next()).await;
    } else {
        batches.next().await;
    }
    start.elapsed() < SENDING
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("a batch while they send: {}", first_batch(false).await);
    println!("without a budget: {}", first_batch(true).await);
}
RUST
expected='a batch while they send: false
without a budget: true'
output=$(cd "$folder" && cargo run --quiet)
echo "$output"
if diff <(echo "$expected") <(echo "$output"); then
    echo 'as recorded'
else
    exit 1
fi
