use super::from_sync_to_async::send;
use tokio::join;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: all
    let start = Instant::now();
    let fourth = tokio::spawn(send(4, start));
    join!(send(1, start), send(2, start), send(3, start));
    fourth.await.expect("no panic");
    println!("main ends after {:?}", start.elapsed());
    // ANCHOR_END: all
}
