//! Branches of one task may share a `Cell`, but then the task cannot be spawned.

use std::cell::Cell;

use tokio::task::{JoinHandle, yield_now};

fn count_in_a_task() -> JoinHandle<u32> {
    tokio::spawn(async {
        let calls = Cell::new(0);
        let branch = || async {
            yield_now().await;
            calls.set(calls.get() + 1);
        };
        tokio::join!(branch(), branch());
        calls.get()
    })
}

fn main() {
    drop(count_in_a_task());
}
