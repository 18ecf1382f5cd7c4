use backend::Site;
use backend::figure::{Figure, lane};
use tokio::time::{sleep, timeout};

use crate::ms;

fn mail_server() -> Site {
    Site::default().with_page("/receipt", ms(100))
}

async fn on_a_future() {
    let order = lane("take_order", mail_server().fetch("/receipt"));
    timeout(ms(50), order).await.unwrap_err();
    sleep(ms(100)).await;
}

async fn on_a_handle() {
    let task = tokio::spawn(lane("task", mail_server().fetch("/receipt")));
    timeout(ms(50), task).await.unwrap_err();
    sleep(ms(100)).await;
}

#[test]
fn a_time_limit() {
    Figure::new("a-time-limit", "Work of 100 ms under a limit of 50 ms")
        .panel("the limit is on the future", on_a_future)
        .panel("the limit is on the handle of a task", on_a_handle)
        .check();
}
