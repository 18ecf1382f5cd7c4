#!/usr/bin/env bash
# clippy of Rust 1.95.0, tokio 1.54.1.
#
# Expected: `clippy::large_futures` warns of a future of 64 KiB wherever a future is used up: "It checks for the size
# of a `Future` created by `async fn` or `async {}`".
# What happens: it looks only at `.await`. It says nothing where such a future is spawned, put into a `JoinSet`,
# passed to `block_on`, or a branch of `join!` or `select!`. There, the stack overflows just as well.
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
tokio = { version = "=1.54.1", features = ["macros", "rt"] }
TOML
cat > "$dir/rust-toolchain.toml" <<'TOML'
[toolchain]
channel = "1.95.0"
components = ["clippy"]
TOML
cat > "$dir/src/lib.rs" <<'RUST'
#![warn(clippy::large_futures)]

use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};

async fn large() -> u8 {
    let array = [1; 65_536];
    let first = &array[0];
    yield_now().await;
    *first
}

pub async fn found() {
    large().await;
}

pub fn missed(runtime: &Runtime, set: &mut JoinSet<u8>) {
    drop(runtime.spawn(large()));
    set.spawn_on(large(), runtime.handle());
    runtime.block_on(large());
}

pub fn missed_in_a_branch(runtime: &Runtime) {
    runtime.block_on(async { tokio::join!(large(), large()) });
    runtime.block_on(async {
        tokio::select! {
            byte = large() => byte,
            byte = large() => byte,
        }
    });
}
RUST
cd "$dir"
cargo clippy --quiet --message-format short 2>&1 | tee seen
[ "$(grep -c 'large future with a size of' seen)" = 1 ]
grep -q 'src/lib.rs:14:.*large future with a size of' seen
