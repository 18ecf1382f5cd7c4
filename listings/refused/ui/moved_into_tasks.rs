//! What a task owns, nobody else has; and what it borrows must live as long.

use tokio::sync::mpsc;

async fn length(text: &str) -> usize {
    text.len()
}

async fn serve(orders: Vec<u32>) {
    let (sender, mut receiver) = mpsc::channel(4);
    for order in 1..=3 {
        tokio::spawn(async move { sender.send(order).await });
    }
    let task = tokio::spawn(async {});
    task.await;
    task.abort();
    tokio::task::spawn_blocking(|| println!("{orders:?}"));
    tokio::spawn(length(&String::from("three pens")));
    tokio::select! {
        first = receiver.recv() => println!("{first:?}"),
        second = receiver.recv() => println!("{second:?}"),
    }
}

fn main() {
    drop(serve(Vec::new()));
}
