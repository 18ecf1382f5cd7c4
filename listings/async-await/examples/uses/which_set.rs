use async_await::which_set::serve;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::join;
use tokio::sync::mpsc;
use tokio::time::sleep;

pub(crate) const LIMIT: NonZeroUsize = NonZeroUsize::new(10).unwrap();

/// In your program: looks something up, and sends it to the client.
pub(crate) async fn answer(_request: u32) -> Vec<u8> {
    sleep(Duration::from_millis(15)).await;
    vec![0; 1024]
}

/// In your program: clients. Here a request comes each 10 ms.
pub(crate) async fn clients(sender: mpsc::Sender<u32>) {
    for request in 0..1000 {
        sleep(Duration::from_millis(10)).await;
        sender.send(request).await.expect("the server runs");
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, requests) = mpsc::channel(1);
    let (served, ()) = join!(serve(requests, LIMIT, answer), clients(sender));
    println!("{served:?}");
}
