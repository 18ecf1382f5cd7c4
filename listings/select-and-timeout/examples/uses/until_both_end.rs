use std::time::Duration;
use tokio::select;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::sleep;

/// In your program: a connection to a shop, which sends its sales and then closes.
pub(crate) fn shop(name: &'static str, sales: u32, pause: u64) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        for number in 1..=sales {
            sleep(Duration::from_millis(pause)).await;
            if sender.send(format!("{name} {number}")).await.is_err() {
                return; // nobody reads any more
            }
        }
    });
    receiver
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut town = shop("town", 3, 10);
    let mut web = shop("web", 5, 14);
    loop {
        select! {
            Some(sale) = town.recv() => println!("{sale}"),
            Some(sale) = web.recv() => println!("{sale}"),
            else => break, // both have closed
        }
    }
    println!("both have closed");
}
