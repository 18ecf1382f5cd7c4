use futures::stream::StreamExt;
use stream_processing::lend_a_stream::head;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// In your program: a cash desk that sends its report over the network.
pub(crate) async fn send(sender: mpsc::Sender<String>) {
    for message in ["desk 7", "monday", "tea", "milk", "total 2", "desk 8"] {
        if sender.send(message.into()).await.is_err() {
            println!("nobody reads {message:?}");
            return;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let (sender, receiver) = mpsc::channel(4); // four places
    let desk = tokio::spawn(send(sender));
    let mut messages = ReceiverStream::new(receiver);
    println!("{:?}", head(&mut messages).await); // lends the stream
    let sales: Vec<_> = messages.by_ref().take(2).collect().await;
    println!("sales: {sales:?}");
    let rest: Vec<_> = messages.collect().await; // gives the stream away
    println!("rest: {rest:?}");
    desk.await.expect("the desk does not panic");
}
