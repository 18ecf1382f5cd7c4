use super::hedge::ask;
use super::shown::hedge::hedge;
use std::time::Duration;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: both
    let after = Duration::from_millis(50);
    for mirror in [true, false] {
        let primary = ask("primary", 90, false);
        match hedge(primary, after, || ask("mirror", 20, mirror)).await {
            Ok(answer) => println!("{answer}"),
            Err(both) => println!("{both}"),
        }
    }
    // ANCHOR_END: both
}
