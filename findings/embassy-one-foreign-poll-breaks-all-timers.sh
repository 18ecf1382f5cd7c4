#!/usr/bin/env bash
# embassy-time 0.5.1 with its feature `std`, and embassy-executor 0.10.0.
#
# One would expect: a timer of embassy that is polled by another executor panics, and the timers of embassy's own tasks
# go on.
#
# What happens: the first one panics while it holds the lock of the driver, which is a `Mutex` of `std`. So the lock is
# poisoned, and from then on each timer of the process panics, and even `Instant::now()`, on each executor.
#
# Where: embassy-time-0.5.1/src/driver_std.rs (`schedule_wake` calls the queue under the lock; `now` unwraps it),
# embassy-executor-0.10.0/src/raw/waker.rs (`task_from_waker` panics).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "embassy-foreign-poll"
version = "0.0.0"
edition = "2024"

[dependencies]
critical-section = { version = "=1.2.0", features = ["std"] }
embassy-executor = { version = "=0.10.0", features = ["executor-thread", "platform-std"] }
embassy-time = { version = "=0.5.1", features = ["std"] }

[workspace]
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::future::Future;
use std::panic::{self, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};

use critical_section as _;
use embassy_executor as _;
use embassy_time::{Instant, Timer};

/// What a panic of `work` says.
fn said(work: fn()) -> String {
    let panic = catch_unwind(work).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

fn main() {
    panic::set_hook(Box::new(|_| ()));
    Instant::now(); // works
    let first = said(|| {
        let mut cx = Context::from_waker(Waker::noop());
        let _ = pin!(Timer::after_millis(1)).poll(&mut cx);
    });
    println!("a foreign waker: {}", first.contains("Found waker not created by the Embassy executor"));
    println!("then the clock: {}", said(|| _ = Instant::now()));
}
RUST

expected='a foreign waker: true
then the clock: called `Result::unwrap()` on an `Err` value: PoisonError { .. }'

output=$(cd "$folder" && cargo run --quiet)
echo "$output"
if [ "$output" = "$expected" ]; then
    echo "as recorded"
else
    diff <(echo "$expected") <(echo "$output") || true
    exit 1
fi
