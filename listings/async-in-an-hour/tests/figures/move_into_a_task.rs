use backend::Site;
use backend::figure::{Figure, lane};
use tokio::time::sleep;

use crate::ms;

/// A function that spawns a task of 60 ms, and returns after 20 ms.
async fn spawns_and_returns() {
    let request = Site::default().with_page("/open", ms(60)).fetch("/open");
    let function = async {
        drop(tokio::spawn(lane("task", request)));
        sleep(ms(20)).await;
    };
    lane("function", function).await;
    sleep(ms(50)).await;
}

#[test]
fn move_into_a_task() {
    Figure::new("move-into-a-task", "A task outlives the function that spawned it")
        .panel("the function returns at 20 ms", spawns_and_returns)
        .check();
}
