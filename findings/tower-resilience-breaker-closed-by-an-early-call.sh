#!/usr/bin/env bash
# tower-resilience-circuitbreaker 0.13.0: a call that began before the breaker opened can close it.
#
# Expected: a half-open breaker closes when its probe has succeeded. The crate takes a new semaphore for each
# half-open cycle, so that no call of an earlier cycle can be taken for a probe.
# What happens: a call that began while the breaker was closed, and succeeds while it is half-open, closes it.
# The one permitted probe is still out, and fails later. A slow answer from before says nothing about now.
# Where: src/circuit.rs, `record_success`: `match self.state { HalfOpen => …` looks at the state at the end of
# the call. Only the permit is bound to a cycle, and not the result.
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
tokio = { version = "=1.54.1", features = ["macros", "rt", "sync", "time"] }
tower = { version = "=0.5.3", features = ["util"] }
tower-resilience-circuitbreaker = "=0.13.0"

[workspace]
TOML
cat > "$dir/src/main.rs" <<'RUST'
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;
use tower::{service_fn, Layer, Service, ServiceExt};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

type Call = (oneshot::Receiver<()>, Result<(), &'static str>);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let layer = CircuitBreakerLayer::builder()
        .consecutive_failures(1)
        .wait_duration_in_open(Duration::from_millis(20))
        .permitted_calls_in_half_open(1)
        .build()
        .unwrap();
    let breaker = layer.layer(service_fn(|(end, answer): Call| async move {
        end.await.unwrap();
        answer
    }));
    let (began_one, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let start = |answer| {
        let (end, ended) = oneshot::channel();
        let (mut breaker, began_one) = (breaker.clone(), began_one.clone());
        let call = tokio::spawn(async move {
            let call = breaker.ready().await.unwrap().call((ended, answer));
            began_one.send(()).unwrap();
            call.await
        });
        (end, call)
    };

    let (end_early, early) = start(Ok(()));
    begun.recv().await.unwrap();
    let (end_failing, failing) = start(Err("down"));
    begun.recv().await.unwrap();
    end_failing.send(()).unwrap();
    println!("a call fails: {:?}, {:?}", failing.await.unwrap(), breaker.state_sync());

    sleep(Duration::from_millis(50)).await;
    let (end_probe, probe) = start(Err("still down"));
    begun.recv().await.unwrap();
    while format!("{:?}", breaker.state_sync()) == "Open" {
        tokio::task::yield_now().await;
    }
    println!("the probe is out: {:?}", breaker.state_sync());

    end_early.send(()).unwrap();
    println!("the early call ends: {:?}, {:?}", early.await.unwrap(), breaker.state_sync());
    println!("the probe is still out: {}", !probe.is_finished());
    end_probe.send(()).unwrap();
    println!("the probe ends: {:?}", probe.await.unwrap());
}
RUST
expected='a call fails: Err(Inner("down")), Open
the probe is out: HalfOpen
the early call ends: Ok(()), Closed
the probe is still out: true
the probe ends: Err(Inner("still down"))'
got=$(cargo run --quiet --manifest-path "$dir/Cargo.toml")
echo "$got"
diff <(echo "$expected") <(echo "$got") || exit 1
echo 'as recorded'
