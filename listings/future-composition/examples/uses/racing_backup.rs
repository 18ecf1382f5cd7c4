use super::racing::{DOWN, UP, ask};
use super::shown::racing::hedge;
use std::time::Duration;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: hedge
    let after = Duration::from_millis(50);
    for mirror in [UP, DOWN] {
        let primary = ask("primary", 90, DOWN);
        match hedge(primary, after, || ask("mirror", 20, mirror)).await {
            Ok(answer) => println!("{answer}"),
            Err(both) => println!("{both}"),
        }
    }
    // ANCHOR_END: hedge
}
