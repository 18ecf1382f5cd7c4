use futures::stream::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

#[tokio::main]
pub(crate) async fn main() {
    let (sender, receiver) = mpsc::channel(8); // a queue with 8 places
    let producer = tokio::spawn(async move {
        for row in 0..1_000 {
            if sender.send(row).await.is_err() {
                return "the reader has enough"; // no error: stop
            }
        }
        "all rows are sent"
    });

    let mut rows = ReceiverStream::new(receiver).take(3);
    while let Some(row) = rows.next().await {
        println!("row {row}");
    }
    drop(rows); // drops the receiver too
    println!("producer: {}", producer.await.expect("it does not panic"));
}
