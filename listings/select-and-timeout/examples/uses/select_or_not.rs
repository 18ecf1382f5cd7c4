use select_and_timeout::select_or_not::orders;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::StreamExt;

/// In your program: a connection. Each line comes at its time, in milliseconds.
pub(crate) fn shop(lines: [(u64, &'static str); 2]) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        let mut now = 0;
        for (at, line) in lines {
            sleep(Duration::from_millis(at - now)).await;
            now = at;
            if sender.send(line.to_owned()).await.is_err() {
                return; // nobody reads any more
            }
        }
    });
    receiver
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let town = shop([(10, "tea"), (40, "2")]);
    let web = shop([(20, "milk"), (30, "1")]);
    let mut all = pin!(orders(town).merge(orders(web)));
    while let Some(order) = all.next().await {
        println!("{order}");
    }
}
