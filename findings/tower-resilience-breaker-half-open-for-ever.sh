#!/usr/bin/env bash
# tower-resilience-circuitbreaker 0.13.0: half-open for ever, though each probe succeeds.
#
# Expected: with `permitted_calls_in_half_open(2)`, two probes that succeed close the breaker, however much
# time is between them. With a window that counts calls, they do.
# What happens: with a window of time, and more time than that between the two probes, the breaker stays
# half-open, and refuses each later call. Nothing ends that but `reset` or `force_closed`.
# Where: src/lib.rs, `call`: a probe that ended gives its permit to `forget`, so that each half-open cycle has
# two permits in all. src/circuit.rs, `record_success`: first it forgets the success that is older than the
# window (`cleanup_old_records`), then it asks for two successes in the window. One is left, and no permit.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cat > "$dir/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }
tower = { version = "=0.5.3", features = ["util"] }
tower-resilience-circuitbreaker = "=0.13.0"

[workspace]
TOML
cat > "$dir/src/main.rs" <<'RUST'
use std::time::Duration;

use tokio::time::sleep;
use tower::{service_fn, Layer, Service, ServiceExt};
use tower_resilience_circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};

const WINDOW: Duration = Duration::from_millis(100);

async fn probes_apart(name: &str, window: SlidingWindowType) {
    let layer = CircuitBreakerLayer::builder()
        .sliding_window_type(window)
        .sliding_window_duration(WINDOW)
        .sliding_window_size(1)
        .minimum_number_of_calls(1)
        .failure_rate_threshold(0.5)
        .wait_duration_in_open(Duration::from_millis(20))
        .permitted_calls_in_half_open(2)
        .build()
        .unwrap();
    let mut breaker = layer.layer(service_fn(|answer: Result<(), &'static str>| async move { answer }));
    breaker.ready().await.unwrap().call(Err("down")).await.unwrap_err();
    println!("{name}: {:?}", breaker.state_sync());
    for call in 1..=5 {
        sleep(2 * WINDOW).await;
        let result = breaker.ready().await.unwrap().call(Ok(())).await;
        println!("{name}, call {call}: {result:?}, then {:?}", breaker.state_sync());
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    probes_apart("a window of calls", SlidingWindowType::CountBased).await;
    probes_apart("a window of time", SlidingWindowType::TimeBased).await;
}
RUST
expected='a window of calls: Open
a window of calls, call 1: Ok(()), then HalfOpen
a window of calls, call 2: Ok(()), then Closed
a window of calls, call 3: Ok(()), then Closed
a window of calls, call 4: Ok(()), then Closed
a window of calls, call 5: Ok(()), then Closed
a window of time: Open
a window of time, call 1: Ok(()), then HalfOpen
a window of time, call 2: Ok(()), then HalfOpen
a window of time, call 3: Err(OpenCircuit), then HalfOpen
a window of time, call 4: Err(OpenCircuit), then HalfOpen
a window of time, call 5: Err(OpenCircuit), then HalfOpen'
got=$(cargo run --quiet --manifest-path "$dir/Cargo.toml")
echo "$got"
diff <(echo "$expected") <(echo "$got") || exit 1
echo 'as recorded'
