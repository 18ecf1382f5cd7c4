//! A task may move to another thread at an await, and an `Rc` may not.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

#[tokio::main]
async fn main() {
    // ANCHOR: task_with_an_rc
    let shop = Rc::new(String::from("Tea House"));
    let for_task = Rc::clone(&shop);
    let task = tokio::spawn(async move {
        sleep(Duration::from_millis(10)).await;
        println!("{for_task} is open");
    });
    // ANCHOR_END: task_with_an_rc
    drop((shop, task));
}
