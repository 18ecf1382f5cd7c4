#!/usr/bin/env bash
# async-lock 3.5.0, `Semaphore`.
#
# One would expect: whoever waits for a permit gets one before somebody who comes later, as with Tokio's semaphore.
#
# What happens: a permit that comes back is free for all, and one waiter is told. Whoever calls `try_acquire` before that
# waiter is polled has it. So a task that gives its permit back and takes one again at once, over and over, keeps it:
# in 1000 rounds, the waiter, polled after each of them, does not get it once. With Tokio's semaphore it has it after
# the first.
#
# Where: async-lock-3.5.0/src/semaphore.rs (`try_acquire` looks at the count alone; the guard's `drop` adds to the count and
# notifies); tokio-1.54.1/src/sync/batch_semaphore.rs (`add_permits_locked` assigns permits to waiters).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "async-lock-overtakes"
version = "0.0.0"
edition = "2024"

[dependencies]
async-lock = "=3.5.0"
futures = "=0.3.34"
tokio = { version = "=1.54.1", features = ["sync"] }

[workspace]
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::future::Future;
use std::pin::pin;

use futures::FutureExt;

/// After how many rounds, each of which gives the permit back and takes it at once, the waiter has it.
fn rounds<P>(mut take: impl FnMut() -> Option<P>, waits: impl Future) -> Option<usize> {
    let (mut held, mut waits) = (take(), pin!(waits));
    for round in 0..1000 {
        if waits.as_mut().now_or_never().is_some() {
            return Some(round);
        }
        drop(held.take());
        held = take();
    }
    None
}

fn main() {
    let tokio = tokio::sync::Semaphore::new(1);
    println!("tokio: {:?}", rounds(|| tokio.try_acquire().ok(), tokio.acquire()));
    let lock = async_lock::Semaphore::new(1);
    println!("async-lock: {:?}", rounds(|| lock.try_acquire(), lock.acquire()));
}
RUST

expected='tokio: Some(1)
async-lock: None'

output=$(cd "$folder" && cargo run --quiet)
echo "$output"
if [ "$output" = "$expected" ]; then
    echo "as recorded"
else
    diff <(echo "$expected") <(echo "$output") || true
    exit 1
fi
