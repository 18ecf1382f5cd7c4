#!/usr/bin/env bash
# tower 0.5.3: `Balance` over endpoints that share one limit (`GlobalConcurrencyLimitLayer::with_semaphore`).
#
# One would expect: a limit of two calls is used up while two calls run, and free while none does.
#
# What happens: `Balance` makes all its endpoints ready before it takes a call, and keeps them ready. Each endpoint
# that is ready holds a permit. So an idle `Balance` over three endpoints holds both permits, before its first call and
# after it, and another service with the same limit is not ready for ever (here: an hour), though no call runs.
#
# Where: tower-0.5.3/src/balance/p2c/service.rs (`promote_pending_to_ready` in `poll_ready`), src/ready_cache/cache.rs
# (the ready services are kept), src/limit/concurrency/service.rs (`poll_ready` takes the permit).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "balance-keeps-idle-places"
version = "0.0.0"
edition = "2024"

[dependencies]
tokio = { version = "=1.54.1", features = ["macros", "rt", "sync", "test-util", "time"] }
tower = { version = "=0.5.3", features = ["balance", "discover", "limit", "load", "util"] }

[workspace]
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load::Constant;
use tower::{Layer, Service, ServiceExt};

struct Endpoint;

impl Service<()> for Endpoint {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let places = Arc::new(Semaphore::new(2));
    let limit = GlobalConcurrencyLimitLayer::with_semaphore(Arc::clone(&places));
    let endpoints: Vec<_> = (0..3).map(|_| Constant::new(limit.layer(Endpoint), 1)).collect();
    let mut balance = Balance::new(ServiceList::new::<()>(endpoints));
    let mut other = limit.layer(Endpoint);
    let hour = Duration::from_secs(3600);

    balance.ready().await.unwrap();
    println!("before a call: {} places free", places.available_permits());
    let answer = balance.call(()).await;
    println!("a call: {answer:?}");
    balance.ready().await.unwrap();
    println!("after it: {} places free", places.available_permits());
    println!("another service is ready: {}", timeout(hour, other.ready()).await.is_ok());
    drop(balance);
    println!("without the balance: {}", timeout(hour, other.ready()).await.is_ok());
}
RUST

expected='before a call: 0 places free
a call: Ok(())
after it: 0 places free
another service is ready: false
without the balance: true'

output=$(cd "$folder" && cargo run --quiet)
echo "$output"
if [ "$output" = "$expected" ]; then
    echo "as recorded"
else
    diff <(echo "$expected") <(echo "$output") || true
    exit 1
fi
