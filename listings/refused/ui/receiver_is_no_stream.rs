//! A receiver is no stream, a stream is no iterator, and the future in a `select!` loop needs a pin.

use futures::StreamExt;
use tokio::sync::mpsc::Receiver;
use tokio_stream::wrappers::ReceiverStream;

fn print(_orders: impl futures::Stream<Item = u32>) {}

async fn pack() -> u32 {
    1
}

async fn serve(mut orders: Receiver<u32>, more: Receiver<u32>, rest: Receiver<u32>) {
    orders.next().await;
    print(more);
    for order in ReceiverStream::new(rest) {}
    let packed = pack();
    loop {
        tokio::select! {
            parcel = &mut packed => break println!("{parcel}"),
            Some(order) = orders.recv() => println!("{order}"),
        }
    }
}

fn main() {
    let orders = || tokio::sync::mpsc::channel(1).1;
    drop(serve(orders(), orders(), orders()));
}
