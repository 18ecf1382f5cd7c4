use super::shown::which_set::limited;
use super::which_set::{LIMIT, answer};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: list
    let start = Instant::now();
    let answers = limited(LIMIT, (1..=20).map(answer)).await;
    println!("{} answers after {:?}", answers.len(), start.elapsed());
    // ANCHOR_END: list
}
