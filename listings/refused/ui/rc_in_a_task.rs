//! An `Rc` is not `Send`, so no task of `tokio::spawn` holds it at an await, not even on one thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

// ANCHOR: rc_in_a_task
fn ask(prices: Rc<RefCell<HashMap<&'static str, u32>>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        sleep(Duration::from_millis(10)).await;
        prices.borrow_mut().insert("tea", 3);
    })
}
// ANCHOR_END: rc_in_a_task

#[tokio::main(flavor = "current_thread")]
async fn main() {
    drop(ask(Rc::default()));
}
