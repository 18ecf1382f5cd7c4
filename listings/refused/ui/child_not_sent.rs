//! What is spawned needs bounds that say so.
use std::future::Future; // only edition 2021 needs this line

// ANCHOR: child_not_sent
async fn supervise<Fut: Future<Output = ()>>(mut start: impl FnMut() -> Fut) {
    while tokio::spawn(start()).await.is_err() {}
}
// ANCHOR_END: child_not_sent

fn main() {
    let _future = supervise(|| async {});
}
