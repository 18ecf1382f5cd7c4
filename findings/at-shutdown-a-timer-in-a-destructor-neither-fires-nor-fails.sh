#!/usr/bin/env bash
# tokio 1.54.1: while a multi-thread runtime shuts down, a timer polled in a destructor stays pending for ever.
#
# Expected: after its runtime is gone, a `sleep` panics with "A Tokio 1.x context was found, but it is being
# shutdown.", so the same, or an ordinary firing, in a destructor that runs because the runtime is dropped.
#
# What happens: `Handle::try_current()` is `Ok`, a spawned task is cancelled at once, but a timer neither fires
# nor panics: the tasks are dropped by a worker that has stopped to park, and the time driver, whose flag makes
# the panic, is shut down only after the last task is gone. So whoever waits for such a timer there waits for
# ever. (Here the timer is polled twice and given up.)
#
# Where: tokio-1.54.1/src/runtime/scheduler/multi_thread/worker.rs:1307 (`pre_shutdown` drops the tasks), :1512
# (`shutdown_core` then shuts down the driver), src/runtime/time/entry.rs:535 (the panic asks for that flag).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'E'
[package]
name = "timer-at-shutdown"
version = "0.1.0"
edition = "2024"

[dependencies]
futures = "=0.3.34"
tokio = { version = "=1.54.1", features = ["rt-multi-thread", "time"] }
E
cat > src/main.rs <<'E'
use std::future::pending;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use futures::poll;
use tokio::runtime::{Builder, Handle};
use tokio::task::block_in_place;
use tokio::time::sleep;

struct Goodbye;

impl Drop for Goodbye {
    fn drop(&mut self) {
        println!("a runtime is there: {}", Handle::try_current().is_ok());
        block_in_place(|| {
            Handle::current().block_on(async {
                let task = tokio::spawn(async {}).await;
                println!("a spawned task is cancelled: {}", task.is_err_and(|e| e.is_cancelled()));
                let mut timer = pin!(sleep(Duration::from_millis(1)));
                println!("a timer of 1 ms: {:?}", poll!(&mut timer));
                thread::sleep(Duration::from_millis(200));
                println!("after 200 ms: {:?}", poll!(&mut timer));
            });
        });
    }
}

fn main() {
    for workers in [1, 2] {
        println!("{workers} worker(s)");
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_time()
            .build()
            .unwrap();
        let (begin, begun) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let _goodbye = Goodbye;
            begin.send(()).unwrap();
            pending::<()>().await;
        });
        begun.recv().unwrap();
        drop(runtime);
    }
}
E
cat > expected <<'E'
1 worker(s)
a runtime is there: true
a spawned task is cancelled: true
a timer of 1 ms: Pending
after 200 ms: Pending
2 worker(s)
a runtime is there: true
a spawned task is cancelled: true
a timer of 1 ms: Pending
after 200 ms: Pending
E
cargo run --quiet > printed
cat printed
diff expected printed || exit 1
echo "as recorded"
