#!/usr/bin/env bash
# clippy of Rust 1.95.0, tokio 1.54.1.
#
# Expected: `clippy::significant_drop_in_scrutinee` warns of each `while let` that keeps the guard of a lock to the
# end of its body: it knows the guard of Tokio's `Mutex`, which says `#[clippy::has_significant_drop]`.
# What happens: it warns of `jobs.lock().await.try_recv()`, and says nothing of `jobs.lock().await.recv().await`.
# The same loop with an await at its end keeps its guard just as long.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cat > "$dir/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
tokio = { version = "=1.54.1", features = ["sync"] }
TOML
cat > "$dir/rust-toolchain.toml" <<'TOML'
[toolchain]
channel = "1.95.0"
components = ["clippy"]
TOML
cat > "$dir/src/lib.rs" <<'RUST'
#![warn(clippy::significant_drop_in_scrutinee)]

use tokio::sync::{Mutex, mpsc};

pub async fn found(jobs: &Mutex<mpsc::Receiver<u32>>, work: impl AsyncFn(u32)) {
    while let Ok(job) = jobs.lock().await.try_recv() {
        work(job).await;
    }
}

pub async fn missed(jobs: &Mutex<mpsc::Receiver<u32>>, work: impl AsyncFn(u32)) {
    while let Some(job) = jobs.lock().await.recv().await {
        work(job).await;
    }
}
RUST
cd "$dir"
cargo clippy --quiet --message-format short 2>&1 | tee seen
[ "$(grep -c 'significant `Drop`' seen)" = 1 ]
grep -q 'src/lib.rs:6:.*significant `Drop`' seen
