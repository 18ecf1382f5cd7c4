#!/usr/bin/env bash
# tokio 1.54.1, futures 0.3.34.
#
# Expected: in `join_all([read(), timeout(limit, answer())])` the second future ends at its limit, whatever
# the first one does: the first yields after each 128 messages, and `timeout` is known to look at its timer
# even when the budget of the task is spent.
# What happens: while the first future always finds a message, the timeout does not fire. `join_all` (up to
# 30 futures), `futures::join!`, `select` and `select_all` poll the first future first each time, and it
# leaves no budget. `timeout` looks past an empty budget only if what is inside it has spent the budget; here
# it was empty before. `tokio::join!` begins each poll with another branch, and the timeout fires.
#
# tokio-1.54.1/src/time/timeout.rs, `poll_delay`: `if let (true, false) = (had_budget_before, has_budget_now)`.
# futures-util-0.3.34/src/future/join_all.rs: `SMALL = 30`; future/select.rs and select_all.rs: from the first on.
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
futures = "=0.3.34"
tokio = { version = "=1.54.1", features = ["macros", "rt", "sync", "time"] }
TOML
cat > "$dir/src/main.rs" <<'RUST'
use std::cell::RefCell;
use std::future::pending;
use std::time::Duration;

use futures::future::{join_all, select, select_all, FutureExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

type Log = RefCell<Vec<&'static str>>;

/// Reads a million messages, each of which is there already, and ends.
async fn reader(log: &Log) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for n in 0..1_000_000 {
        sender.send(n).unwrap();
        receiver.recv().await.unwrap();
    }
    log.borrow_mut().push("the reader");
}

async fn limited(log: &Log) {
    timeout(Duration::from_millis(1), pending::<()>()).await.unwrap_err();
    log.borrow_mut().push("the timeout of 1 ms");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let log = Log::default();
    let first = |name: &str| println!("{name}: first ends {}", log.take()[0]);

    tokio::join!(reader(&log), limited(&log));
    first("tokio::join!");
    futures::join!(reader(&log), limited(&log));
    first("futures::join!");
    join_all([reader(&log).boxed_local(), limited(&log).boxed_local()]).await;
    first("join_all");
    let many = (0..30).map(|_| limited(&log).boxed_local());
    join_all([reader(&log).boxed_local()].into_iter().chain(many)).await;
    first("join_all of 31");
    drop(select(reader(&log).boxed_local(), limited(&log).boxed_local()).await);
    first("select");
    drop(select_all([reader(&log).boxed_local(), limited(&log).boxed_local()]).await);
    first("select_all");
    timeout(Duration::from_millis(1), reader(&log)).await.unwrap_err();
    log.borrow_mut().push("the timeout of 1 ms");
    first("timeout around the reader");
}
RUST
expected='tokio::join!: first ends the timeout of 1 ms
futures::join!: first ends the reader
join_all: first ends the reader
join_all of 31: first ends the timeout of 1 ms
select: first ends the reader
select_all: first ends the reader
timeout around the reader: first ends the timeout of 1 ms'
got=$(cargo run --quiet --manifest-path "$dir/Cargo.toml")
echo "$got"
diff <(echo "$expected") <(echo "$got") || exit 1
echo 'as recorded'
