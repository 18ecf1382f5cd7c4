//! A local runtime has one thread, so its test cannot ask for workers.

// ANCHOR: local_with_workers
#[tokio::test(flavor = "local", worker_threads = 2)]
async fn two_threads() {}
// ANCHOR_END: local_with_workers

fn main() {}
