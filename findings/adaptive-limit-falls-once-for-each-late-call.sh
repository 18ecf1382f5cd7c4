#!/usr/bin/env bash
# tower-resilience-adaptive 0.13.0, `Aimd`: additive increase, multiplicative decrease.
#
# One would expect, as from TCP: calls that were made under one limit, and are all late, lower it once; a limit that
# nobody reaches does not rise; an answer in time is one, whatever it says; a call that a timeout drops was late.
#
# What happens: each late call lowers it, so one moment in which 64 calls are late takes a limit of 64 to 1. Each call
# in time raises it by one, also if calls come one at a time: after 90 of them, 10 has become 100. Each error lowers it,
# also one that comes at once, such as *not found*. A call that is dropped counts as nothing, so a service that hangs
# behind a timeout leaves the limit where it was.
#
# Where: tower-resilience-adaptive-0.13.0/src/algorithm.rs (`record_success`, `record_failure`, `record_dropped`) and
# src/service.rs; tower-resilience-core-0.13.0/src/aimd.rs (`record_failure`).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "adaptive-limit"
version = "0.0.0"
edition = "2024"

[dependencies]
futures = "=0.3.34"
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }
tower = { version = "=0.5.3", features = ["util"] }
tower-resilience-adaptive = "=0.13.0"
tower-resilience-core = "=0.13.0"

[workspace]
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{sleep, timeout};
use tower::{ServiceExt, service_fn};
use tower_resilience_adaptive::{AdaptiveService, Aimd};

/// The limit after so many calls, so many of them at the same time. Late is what needs more than 50 ms.
async fn limit_after<F, E>(begin: usize, calls: usize, at_once: usize, answer: fn() -> F) -> usize
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let aimd = Aimd::builder().initial_limit(begin).min_limit(1).max_limit(100);
    let aimd = aimd.latency_threshold(Duration::from_millis(50)).build().unwrap();
    let service = AdaptiveService::new(service_fn(move |()| answer()), Arc::new(aimd));
    for _ in 0..calls / at_once {
        let calls = (0..at_once).map(|_| {
            timeout(Duration::from_millis(100), service.clone().oneshot(()))
        });
        join_all(calls).await;
    }
    service.limit()
}

async fn late() -> Result<(), Infallible> {
    sleep(Duration::from_millis(60)).await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("64, after 64 late calls at once: {}", limit_after(64, 64, 64, late).await);
    let in_time = || ready(Ok::<_, Infallible>(()));
    println!("10, after 90 calls one by one: {}", limit_after(10, 90, 1, in_time).await);
    let not_found = || ready(Err("not found"));
    println!("64, after 10 errors: {}", limit_after(64, 10, 1, not_found).await);
    let hangs = pending::<Result<(), Infallible>>;
    println!("10, after 10 calls that hang: {}", limit_after(10, 10, 10, hangs).await);
}
RUST

expected='64, after 64 late calls at once: 1
10, after 90 calls one by one: 100
64, after 10 errors: 1
10, after 10 calls that hang: 10'

output=$(cd "$folder" && cargo run --quiet)
echo "$output"
if [ "$output" = "$expected" ]; then
    echo "as recorded"
else
    diff <(echo "$expected") <(echo "$output") || true
    exit 1
fi
