use super::all_at_once::look_up;
use std::cell::Cell;
use tokio::join;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: share
    let reader = String::from("Ada");
    let requests = Cell::new(0);
    let fetch = async |table: &str, millis| {
        requests.set(requests.get() + 1);
        let row = look_up(table, millis).await;
        println!("{reader} reads the {row}");
    };
    join!(fetch("name", 40), fetch("orders", 100));
    println!("{} requests", requests.get());
    // ANCHOR_END: share
}
