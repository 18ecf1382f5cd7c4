//! No bound says that the futures of an `AsyncFnMut` are `Send`.

// ANCHOR: async_fn_mut_in_a_task
fn start(mut act: impl AsyncFnMut(u64) + Send + 'static) {
    tokio::spawn(async move {
        act(12).await;
        act(30).await;
    });
}
// ANCHOR_END: async_fn_mut_in_a_task

fn main() {
    start(async |_cents| {});
}
