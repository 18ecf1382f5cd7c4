#!/usr/bin/env bash
# tower 0.5.3 and reqwest 0.13.5: a retry budget of 60 % permits 100 %, and "10 a second" permits 100 at once.
#
# Expected: the documentation of `TpsBudget::new` says that `retry_percent` is "the percentage of calls to `deposit`
# that can be retried", and that of reqwest's `max_extra_load`: if you send 1,000 requests, 0.3 allows 300 more.
# `min_per_sec` is "the minimum rate of retries". So 0.6 should allow 600 retries for 1,000 requests, and the default
# (10 a second, 20 %) about 10 retries when 100 callers fail in one instant.
#
# What happens: a retry costs `(1.0 / retry_percent) as isize` deposits, and the fraction is cut off. So 0.3 allows
# 333 retries, 0.4 allows 500, and each value above 0.5 allows 1,000 (the report is tower-rs/tower#857, open). And the
# reserve is `min_per_sec` times the whole `ttl` (10 s), all of it there from the beginning: 100 callers that fail at
# once have 100 retries. reqwest makes its budget in the same way, so 100 requests at a server that answers 503 are 200.
#
# Where: tower-0.5.3/src/retry/budget/tps_budget.rs:92-107 (`withdraw_amount`, `reserve`),
# reqwest-0.13.5/src/retry.rs:128-144 (the documentation), :208 (`Budget::new(Duration::from_secs(10), 10, p)`).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'E2'
[package]
name = "retry-budget"
version = "0.0.0"
edition = "2024"

[dependencies]
reqwest = { version = "=0.13.5", default-features = false }
tokio = { version = "=1.54.1", features = ["io-util", "macros", "net", "rt", "time"] }
tower = { version = "=0.5.3", features = ["retry"] }

[workspace]
E2
cat > src/main.rs <<'E2'
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::retry::budget::{Budget, TpsBudget};

/// How many retries 1,000 requests allow.
fn allowed(percent: f32) -> usize {
    let budget = TpsBudget::new(Duration::from_secs(60), 0, percent);
    for _ in 0..1000 {
        budget.deposit();
    }
    (0..2000).take_while(|_| budget.withdraw()).count()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for percent in [0.2, 0.3, 0.4, 0.6, 0.9] {
        println!("{percent} of 1000 requests: {} retries", allowed(percent));
    }
    let budget = TpsBudget::default();
    let at_once = (0..1000).take_while(|_| budget.withdraw()).count();
    println!("the default, 10 a second: {at_once} retries at once");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    // Answers each request with a 503.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    stream.read_buf(&mut head).await.unwrap();
                }
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 503 Sorry\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            });
        }
    });
    let policy = retry::for_host("127.0.0.1").classify_fn(|answer| {
        if answer.status().is_some_and(|status| status == 503) {
            answer.retryable()
        } else {
            answer.success()
        }
    });
    let client = Client::builder().no_proxy().retry(policy).build().unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        callers.spawn(client.get(&url).send());
    }
    for answer in callers.join_all().await {
        assert_eq!(answer.unwrap().status(), 503);
    }
    println!("100 callers of reqwest: {} requests", requests.load(Ordering::SeqCst));
}
E2
cat > expected <<'E2'
0.2 of 1000 requests: 200 retries
0.3 of 1000 requests: 333 retries
0.4 of 1000 requests: 500 retries
0.6 of 1000 requests: 1000 retries
0.9 of 1000 requests: 1000 retries
the default, 10 a second: 100 retries at once
100 callers of reqwest: 200 requests
E2
cargo run --quiet > printed
cat printed
diff expected printed || exit 1
echo "as recorded"
