#!/usr/bin/env bash
# tokio 1.54.1.
#
# Expected: a runtime that is dropped, or shut down with `shutdown_background`, cancels the blocking work that still
# waits for a thread. The docs of `spawn_blocking`: a shutdown "will attempt to `abort` all tasks including
# `spawn_blocking` tasks" and waits "for all started" ones. The pool has code that cancels its queue at a shutdown.
# What happens: all of the queue runs. A worker that ends a piece of work takes the next one from the queue, and
# looks at the shutdown only when the queue is empty. Only an idle worker sees it earlier, and while one is idle the
# queue is empty. So `drop(runtime)` waits for every piece of work, and after `shutdown_background` all of them
# still run, as long as the process lives. `abort()` for each of them before the shutdown keeps them from running.
#
# tokio-1.54.1/src/runtime/blocking/pool.rs, `run_worker`: the loop under `// BUSY` comes before `shutdown` is read
# (tokio#5275, closed: a design choice; tokio#7501 wrote the docs).
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
tokio = { version = "=1.54.1", features = ["rt"] }
TOML
cat > "$dir/src/main.rs" <<'RUST'
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// A runtime whose one blocking thread is busy when `end` is called, with 20 pieces of work in the queue.
/// How many of the 20 ran.
fn ran(end: impl FnOnce(Runtime, Vec<JoinHandle<()>>)) -> usize {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (go_on, wait) = mpsc::channel();
    let (begin, begun) = mpsc::channel();
    runtime.spawn_blocking(move || {
        begin.send(()).unwrap();
        wait.recv().unwrap();
    });
    begun.recv().unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    // It ends when the last closure is gone, whether that ran or was dropped.
    let (all, gone) = mpsc::channel::<()>();
    let queue = (0..20).map(|_| {
        let (ran, all) = (ran.clone(), all.clone());
        runtime.spawn_blocking(move || {
            let _all = all;
            ran.fetch_add(1, SeqCst);
        })
    });
    let queue = queue.collect();
    drop(all);
    let other = thread::spawn(move || {
        // Long after the shutdown has begun.
        thread::sleep(Duration::from_millis(300));
        go_on.send(()).unwrap();
    });
    end(runtime, queue);
    other.join().unwrap();
    gone.recv().unwrap_err();
    ran.load(SeqCst)
}

fn main() {
    let dropped = ran(|runtime, _| drop(runtime));
    println!("drop: {dropped} of 20 ran");
    let background = ran(|runtime, _| runtime.shutdown_background());
    println!("shutdown_background: {background} of 20 ran");
    let aborted = ran(|runtime, queue| {
        queue.iter().for_each(JoinHandle::abort);
        drop(runtime);
    });
    println!("abort each, then drop: {aborted} of 20 ran");
}
RUST
expected='drop: 20 of 20 ran
shutdown_background: 20 of 20 ran
abort each, then drop: 0 of 20 ran'
got=$(cargo run --quiet --manifest-path "$dir/Cargo.toml")
echo "$got"
diff <(echo "$expected") <(echo "$got") || exit 1
echo 'as recorded'
