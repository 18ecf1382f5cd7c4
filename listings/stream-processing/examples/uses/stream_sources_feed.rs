use futures::stream::{self, StreamExt};
use stream_processing::stream_sources::feed;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

#[tokio::main]
pub(crate) async fn main() {
    let (sender, receiver) = mpsc::channel(8);
    let mut source = stream::iter(0..1_000);
    let reader = ReceiverStream::new(receiver).take(3).collect::<Vec<_>>();
    let (stopped, rows) = tokio::join!(feed(&mut source, sender), reader);
    println!("{rows:?}, then {stopped:?}");
    println!("next in the source: {:?}", source.next().await);
}
