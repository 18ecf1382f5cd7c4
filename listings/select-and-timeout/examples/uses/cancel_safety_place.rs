use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

// ANCHOR: place
const MS: Duration = Duration::from_millis(1);

/// Asks for the permit at 10, 20, 30, … ms: each time it loses its place.
async fn ann(printer: &Semaphore, start: Instant) {
    sleep(10 * MS).await;
    loop {
        if let Ok(permit) = timeout(10 * MS, printer.acquire()).await {
            let _permit = permit.expect("nobody closes it");
            return println!("{:?}: Ann prints", start.elapsed());
        }
    }
}

/// Comes 5 ms after Ann, and stays in the queue. Prints for 100 ms.
async fn bob(printer: &Semaphore, start: Instant) {
    sleep(15 * MS).await;
    let _permit = printer.acquire().await.expect("nobody closes it");
    println!("{:?}: Bob prints", start.elapsed());
    sleep(100 * MS).await;
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (printer, start) = (Semaphore::new(1), Instant::now());
    let somebody = async {
        let _permit = printer.acquire().await.expect("nobody closes it");
        sleep(57 * MS).await;
    };
    tokio::join!(somebody, ann(&printer, start), bob(&printer, start));
}
// ANCHOR_END: place
