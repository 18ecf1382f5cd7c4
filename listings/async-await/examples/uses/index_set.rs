use super::index::write;
use std::panic;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ()));
    // ANCHOR: set
    let mut writes = JoinSet::new();
    for number in 1..=4 {
        writes.spawn(write(number));
    }
    let mut lost = 0;
    while let Some(end) = writes.join_next().await {
        if end.is_err_and(|error| error.is_panic()) {
            lost += 1;
        }
    }
    println!("{lost} of four orders is lost");
    // ANCHOR_END: set
}
