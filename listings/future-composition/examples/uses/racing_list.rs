use super::racing::{DOWN, UP, ask};
use super::shown::racing::first_to_succeed;

// ANCHOR: main
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let requests =
        [ask("north", 10, DOWN), ask("south", 60, UP), ask("west", 20, DOWN)];
    println!("{:?}", first_to_succeed(requests).await);

    let requests = [ask("north", 20, DOWN), ask("west", 10, DOWN)];
    println!("{:?}", first_to_succeed(requests).await);
}
// ANCHOR_END: main
