// ANCHOR: one_stream_ext
use futures::stream::StreamExt as _;

async fn doubled() -> Vec<i32> {
    tokio_stream::iter(1..=3).map(|n| n * 2).collect().await
}
// ANCHOR_END: one_stream_ext

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    println!("{:?}", doubled().await);
}
