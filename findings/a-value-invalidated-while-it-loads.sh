#!/usr/bin/env bash
# moka 0.12.16, quick_cache 0.7.0.
#
# Expected: a value that is invalidated, removed or replaced while a load of it is under way stays so: what the
# load has read is older. quick_cache does that, for `remove` and for `insert`.
# What happens in moka: the load puts its old value into the cache when it ends. So after `invalidate` or
# `invalidate_all` the old value is there, and it also takes the place of a newer one that was inserted.
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
futures = { version = "0.3.34", default-features = false, features = ["async-await", "executor"] }
moka = { version = "=0.12.16", default-features = false, features = ["future"] }
quick_cache = "=0.7.0"
tokio = { version = "=1.54.1", features = ["sync"] }
TOML
cat > "$dir/src/main.rs" <<'RUST'
use std::convert::Infallible;

use futures::executor::block_on;
use futures::join;
use tokio::sync::oneshot;

/// Reads 1, and ends when it is told to.
async fn load(go: oneshot::Receiver<()>) -> Result<u32, Infallible> {
    let seen = 1;
    go.await.unwrap();
    Ok(seen)
}

fn main() {
    for change in ["invalidate", "invalidate_all", "insert"] {
        let cache = moka::future::Cache::<u8, u32>::new(10);
        let (sender, go) = oneshot::channel();
        let meanwhile = async {
            match change {
                "invalidate" => cache.invalidate(&7).await,
                "invalidate_all" => cache.invalidate_all(),
                _ => cache.insert(7, 2).await,
            }
            sender.send(()).unwrap();
        };
        let later = block_on(async {
            let (_loaded, ()) = join!(cache.try_get_with(7, load(go)), meanwhile);
            cache.get(&7).await
        });
        println!("moka, {change}: {later:?}");
    }
    for change in ["remove", "insert"] {
        let cache = quick_cache::sync::Cache::<u8, u32>::new(10);
        let (sender, go) = oneshot::channel();
        let meanwhile = async {
            if change == "remove" {
                cache.remove(&7);
            } else {
                cache.insert(7, 2);
            }
            sender.send(()).unwrap();
        };
        let later = block_on(async {
            let (_loaded, ()) = join!(cache.get_or_insert_async(&7, load(go)), meanwhile);
            cache.get(&7)
        });
        println!("quick_cache, {change}: {later:?}");
    }
}
RUST
cd "$dir"
cargo run --quiet 2>&1 | tee seen
diff seen - <<'SEEN'
moka, invalidate: Some(1)
moka, invalidate_all: Some(1)
moka, insert: Some(1)
quick_cache, remove: None
quick_cache, insert: Some(2)
SEEN
