#!/usr/bin/env bash
# tokio 1.54.1.
#
# Expected: a value sent into an mpsc channel whose receiver is gone comes back as an error, or is dropped with the
# channel's other values. So the `oneshot::Sender` in a request to a task that has ended is dropped, and the one who
# waits for the answer gets an error.
# What happens: a sender that got its place before the receiver was dropped, and sends after that, gets no error, and
# its value stays in the channel as long as there is a sender or a weak one. Whoever asks holds a sender while it
# waits, so it waits for ever. `Sender::send` is such a sender if the receiver is dropped, on another thread, between
# its two steps. Here `reserve` and `Permit::send` are the two steps.
#
# tokio-1.54.1/src/sync/mpsc/chan.rs: `Drop for Rx` closes the semaphore and takes what is in the list at that moment;
# `Tx::send` pushes without a look at the semaphore. `Receiver::close` and `recv` until `None` do wait for the places
# that are given out.
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
tokio = { version = "=1.54.1", features = ["macros", "rt", "sync", "time"] }
TOML
cat > "$dir/src/main.rs" <<'RUST'
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let limit = Duration::from_millis(200);

    let (sender, receiver) = mpsc::channel(2);
    let (answer, mut question) = oneshot::channel::<()>();
    sender.send(answer).await.unwrap();
    drop(receiver);
    println!("sent before the drop: {:?}", timeout(limit, &mut question).await);

    let (sender, receiver) = mpsc::channel(2);
    let (answer, mut question) = oneshot::channel::<()>();
    let place = sender.reserve().await.unwrap();
    drop(receiver);
    place.send(answer);
    println!("sent after the drop: {:?}", timeout(limit, &mut question).await);
    println!("the sender says: closed {}", sender.is_closed());
    drop(sender);
    println!("and without the sender: {:?}", timeout(limit, &mut question).await);

    let (sender, mut receiver) = mpsc::channel(2);
    let (answer, mut question) = oneshot::channel::<()>();
    let place = sender.reserve().await.unwrap();
    receiver.close();
    let rest = async move { while receiver.recv().await.is_some() {} };
    let send = async { place.send(answer) };
    tokio::join!(rest, send);
    println!("closed, and read to the end: {:?}", timeout(limit, &mut question).await);
}
RUST
expected='sent before the drop: Ok(Err(RecvError(())))
sent after the drop: Err(Elapsed(()))
the sender says: closed true
and without the sender: Ok(Err(RecvError(())))
closed, and read to the end: Ok(Err(RecvError(())))'
got=$(cargo run --quiet --manifest-path "$dir/Cargo.toml")
echo "$got"
diff <(echo "$expected") <(echo "$got") || exit 1
echo 'as recorded'
