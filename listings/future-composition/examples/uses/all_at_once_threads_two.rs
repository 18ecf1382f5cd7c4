use super::shown::all_at_once::in_parallel;
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: two
/// At work: waits for a list of numbers, and then computes with it.
async fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    sleep(Duration::from_millis(20)).await;
    numbers.sort_unstable();
    numbers
}

#[tokio::main]
pub(crate) async fn main() {
    let (first, second) = in_parallel(sorted(vec![3, 1, 2]), sorted(vec![5, 4])).await;
    println!("{first:?}, {second:?}");
}
// ANCHOR_END: two
