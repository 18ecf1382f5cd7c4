use backend::Site;
use backend::figure::{Figure, lane};
use tokio::time::sleep;

use crate::ms;

fn mail_server() -> Site {
    Site::default().with_page("/receipt", ms(100))
}

/// `main` sleeps for 60 ms, and then awaits the handle.
async fn handle_awaited() {
    let receipt = mail_server().fetch("/receipt");
    lane("main", async {
        let task = tokio::spawn(lane("task", receipt));
        sleep(ms(60)).await;
        task.await.unwrap().unwrap();
    })
    .await;
}

/// `main` drops the handle, and sleeps for 200 ms.
async fn handle_dropped() {
    let receipt = mail_server().fetch("/receipt");
    lane("main", async {
        drop(tokio::spawn(lane("task", receipt)));
        sleep(ms(200)).await;
    })
    .await;
}

#[test]
fn a_task() {
    Figure::new("a-task", "A task runs by itself")
        .panel("the handle is awaited at 60 ms", handle_awaited)
        .panel("the handle is dropped at 0 ms", handle_dropped)
        .check();
}
