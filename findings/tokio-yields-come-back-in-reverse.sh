#!/usr/bin/env bash
# tokio 1.54.1, `task::yield_now` on a current_thread runtime.
#
# One would expect: tasks that yield go to the end of the queue, so they come back in the order in which they yielded.
#
# What happens: `yield_now` keeps the waker aside until the thread has looked at the driver. Then it wakes those that
# were kept, the last one first. So three tasks that each yield once end as 3, 2, 1. If they yield in a loop, each
# round has the opposite order of the round before. A future that wakes itself goes to the end of the queue: 1, 2, 3.
# Tokio's documentation promises no order.
#
# Where: tokio-1.54.1/src/runtime/scheduler/defer.rs (`wake` pops from the end of a `Vec`).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "tokio-yields"
version = "0.0.0"
edition = "2024"

[dependencies]
tokio = { version = "=1.54.1", features = ["rt"] }

[workspace]
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use tokio::runtime::Builder;
use tokio::task::yield_now;

async fn wake_itself() {
    let mut polled = false;
    poll_fn(|cx| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The order in which three tasks go on, each after one and after two pauses.
fn order<F: Future<Output = ()> + Send>(pause: impl Fn() -> F + Copy + Send + 'static) -> Vec<u32> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        // Spawned here, all three are in the queue of this thread.
        let tasks = [1, 2, 3].map(|task| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for _ in 0..2 {
                    pause().await;
                    log.lock().unwrap().push(task);
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    Arc::into_inner(log).unwrap().into_inner().unwrap()
}

fn main() {
    println!("yield_now: {:?}", order(yield_now));
    println!("wakes itself: {:?}", order(wake_itself));
}
RUST

expected='yield_now: [3, 2, 1, 1, 2, 3]
wakes itself: [1, 2, 3, 1, 2, 3]'

output=$(cd "$folder" && cargo run --quiet)
echo "$output"
if [ "$output" = "$expected" ]; then
    echo "as recorded"
else
    diff <(echo "$expected") <(echo "$output") || true
    exit 1
fi
