//! A helper that spawns cannot take an `AsyncFn`: nothing says that its future is `Send`.

use tokio::task::JoinHandle;

// ANCHOR: spawned_async_fn
fn in_background<F>(mut operation: F) -> JoinHandle<()>
where
    F: AsyncFnMut(u32) + Send + 'static,
{
    tokio::spawn(async move { operation(1).await })
}
// ANCHOR_END: spawned_async_fn

fn main() {
    drop(in_background(async |_| ()));
}
