use std::future::pending;
use std::sync::Arc;
use tokio::task::{JoinSet, yield_now};

// ANCHOR: five
/// Holds the folder, and waits for ever.
async fn hold(_folder: Arc<String>) {
    pending::<()>().await;
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let folder = Arc::new("catalogue".to_string());
    let five_tasks =
        || (0..5).map(|_| hold(Arc::clone(&folder))).collect::<JoinSet<_>>();
    let tasks_with_folder = || Arc::strong_count(&folder) - 1; // not our own

    drop(five_tasks());
    println!("after drop: {}", tasks_with_folder());
    yield_now().await; // gives the tasks a turn
    println!("one turn later: {}", tasks_with_folder());

    five_tasks().shutdown().await;
    println!("after shutdown: {}", tasks_with_folder());
}
// ANCHOR_END: five
