use futures::stream::{self, StreamExt};
use stream_processing::stream_sources::{commands, now_and_then, received};
use tokio::sync::mpsc;

#[tokio::main]
pub(crate) async fn main() {
    let prices = now_and_then(async { 5 }, stream::iter([6, 7]));
    println!("{:?}", prices.collect::<Vec<_>>().await);

    let (sender, receiver) = mpsc::channel(8);
    sender.try_send("start").expect("the channel has 8 places");
    println!("{:?}", commands(Some(receiver)).next().await);

    let (row_sender, row_receiver) = mpsc::channel(8);
    row_sender.try_send("a row").expect("the channel has 8 places");
    println!("{:?}", received(row_receiver).next().await);
}
