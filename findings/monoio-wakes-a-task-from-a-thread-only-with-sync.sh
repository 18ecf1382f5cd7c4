#!/usr/bin/env bash
# monoio 0.2.4, a waker of a task that another thread calls.
#
# One would expect: a channel of `futures` wakes the task that waits, whichever thread sends.
#
# What happens: without monoio's feature `sync`, which is not on by default, the thread that sends panics, and the task
# is never woken. The future of `block_on` has another waker, so a small test that awaits there may pass.
#
# Where: monoio-0.2.4/src/task/harness.rs (`wake_by_val`, `wake_by_ref`).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "monoio-wakes"
version = "0.0.0"
edition = "2024"

[dependencies]
futures = "=0.3.34"
monoio = { version = "=0.2.4", default-features = false, features = ["legacy"] }

[features]
sync = ["monoio/sync"]

[workspace]
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::cell::Cell;
use std::panic::set_hook;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use monoio::{LegacyDriver, RuntimeBuilder};

/// Sends from a thread, and says what it panicked with.
fn send(says: oneshot::Sender<()>) -> String {
    let sends = thread::spawn(move || says.send(())).join();
    match sends {
        Ok(sent) => format!("sent: {}", sent.is_ok()),
        Err(panic) => match panic.downcast::<String>() {
            Ok(words) => *words,
            Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
        },
    }
}

fn main() {
    set_hook(Box::new(|_| {}));
    let runtime = || RuntimeBuilder::<LegacyDriver>::new().enable_timer().build().unwrap();
    let (sender, woken) = runtime().block_on(async {
        let (says, hears) = oneshot::channel::<()>();
        let woken = Rc::new(Cell::new(false));
        let sets = Rc::clone(&woken);
        monoio::spawn(async move {
            let _ = hears.await;
            sets.set(true);
        });
        monoio::time::sleep(Duration::from_millis(10)).await; // the task waits
        let sender = send(says);
        monoio::time::sleep(Duration::from_millis(100)).await;
        (sender, woken.get())
    });
    println!("to a task: {sender}; the task is woken: {woken}");
    let sender = runtime().block_on(async {
        let (says, hears) = oneshot::channel::<()>();
        let thread = thread::spawn(|| {
            thread::sleep(Duration::from_millis(10));
            send(says)
        });
        let ticks = async { monoio::time::sleep(Duration::from_millis(100)).await };
        let _ = futures::future::join(hears, ticks).await;
        thread.join().unwrap()
    });
    println!("to block_on: {sender}");
}
RUST

expected='to a task: waker can only be sent across threads when `sync` feature enabled; the task is woken: false
to block_on: sent: true
with sync, to a task: sent: true; the task is woken: true
with sync, to block_on: sent: true'

output=$(cd "$folder" && cargo run --quiet && cargo run --quiet --features sync | sed 's/^/with sync, /')
echo "$output"
if [ "$output" = "$expected" ]; then
    echo "as recorded"
else
    diff <(echo "$expected") <(echo "$output") || true
    exit 1
fi
