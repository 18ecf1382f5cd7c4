use backend::Site;
use backend::figure::{Figure, lane};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::ms;

/// Spawns a task of 60 ms, and returns after 20 ms.
async fn spawns_and_returns() {
    let request = Site::default().with_page("/open", ms(60)).fetch("/open");
    let function = async {
        let task: JoinHandle<_> = tokio::spawn(lane("task", request));
        sleep(ms(20)).await;
        task
    };
    let task = lane("function", function).await;
    task.await.unwrap().unwrap();
}

#[test]
fn move_into_a_task() {
    Figure::new("move-into-a-task", "A task outlives the function that spawned it")
        .panel("the function returns at 20 ms", spawns_and_returns)
        .check();
}
