#!/usr/bin/env bash
# tokio 1.54.1: while one worker is blocked, a task from another thread may wait, though the other worker sleeps.
#
# Expected: a spawn from outside wakes a worker that sleeps, so the task runs within a moment.
#
# What happens: on a busy machine, about once in 10,000 times, nobody wakes the second worker. The task is in the global queue until the
# blocked worker is free, or until the next task from outside wakes the second worker.
#
# Where: tokio-1.54.1/src/runtime/scheduler/multi_thread/idle.rs (`notify_should_wakeup`: nobody is woken while all workers count as awake)
# and worker.rs (`transition_to_parked`: only the last worker that *searched* looks at the queues once more before it sleeps). A worker that
# was not allowed to search, because the other one did, has looked at the queue before the task came, and sleeps after it. If no worker is
# blocked, the awake one takes the task, and nobody notices. The same: tokio issue 6847.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'T'
[package]
name = "beside-a-sleeping-worker"
version = "0.1.0"
edition = "2024"

[dependencies]
tokio = { version = "=1.54.1", features = ["rt-multi-thread"] }
T
cat > src/main.rs <<'T'
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

static SEEN: AtomicBool = AtomicBool::new(false);

/// Two tasks block a worker each. Whether the second one had to wait, and came with the next task.
fn round() -> bool {
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (begins, begun) = channel();
    runtime.spawn(async move {
        begins.send(()).unwrap();
        pending::<()>().await
    });
    begun.recv().unwrap();
    let (arrives, arrived) = channel();
    let mut gates = Vec::new();
    let mut seen = false;
    for _ in 0..2 {
        let ((open, gate), arrives) = (channel::<()>(), arrives.clone());
        runtime.spawn(async move {
            arrives.send(()).unwrap();
            let _closed = gate.recv();
        });
        gates.push(open);
        if arrived.recv_timeout(Duration::from_secs(5)).is_err() {
            assert_eq!(runtime.metrics().global_queue_depth(), 1);
            runtime.spawn(async {});
            arrived.recv_timeout(Duration::from_secs(5)).expect("the next task wakes the worker");
            seen = true;
        }
    }
    drop(gates);
    seen
}

fn main() {
    let end = Instant::now() + Duration::from_secs(300);
    let threads = 8 * std::thread::available_parallelism().map_or(2, |n| n.get()).min(4);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !SEEN.load(Ordering::Relaxed) && Instant::now() < end {
                    if round() {
                        SEEN.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(SEEN.load(Ordering::Relaxed), "not seen in 300 s");
    println!("a task waited for 5 s beside a worker that slept, and the next task woke this worker");
}
T
cat > expected <<'T'
a task waited for 5 s beside a worker that slept, and the next task woke this worker
T
cargo run --quiet > printed
cat printed
diff expected printed || exit 1
echo "as recorded"
