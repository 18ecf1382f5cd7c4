use super::lend_a_stream::send;
use futures::stream::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: owned
    let (sender, receiver) = mpsc::channel(4);
    let desk = tokio::spawn(send(sender));
    let messages = ReceiverStream::new(receiver);
    let head: Vec<_> = messages.take(2).collect().await;
    println!("{head:?}");
    desk.await.expect("the desk does not panic");
    // ANCHOR_END: owned
}
