use futures::stream::{self, StreamExt};
use stream_processing::fold_and_take::reduce_runs;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: runs
    // Each sale: its minute, and its cents.
    let sales = stream::iter([(1, 20), (1, 30), (2, 5), (3, 1), (3, 4)]);
    let add = |(minute, sum), (_, cents)| (minute, sum + cents);
    let sums = reduce_runs(sales, |(minute, _)| *minute, add);
    println!("{:?}", sums.map(|(_, sum)| sum).collect::<Vec<_>>().await);
    // ANCHOR_END: runs
}
