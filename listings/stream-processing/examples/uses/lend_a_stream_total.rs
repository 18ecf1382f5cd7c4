use super::lend_a_stream::send;
use super::shown::lend_a_stream::head;
use futures::stream::StreamExt;
use std::pin::pin;
use stream_processing::lend_a_stream::sales;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: total
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(send(sender));
    let mut messages = pin!(ReceiverStream::new(receiver).peekable());
    println!("{:?}", head(&mut messages).await);
    println!("sales: {:?}", sales(messages.as_mut()).await);
    println!("then: {:?}", messages.next().await);
    // ANCHOR_END: total
}
