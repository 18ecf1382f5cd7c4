use first_principles::the_clock::is_ready;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

/// The service at the other end: it reads the question, and answers after `pause`.
async fn service(mut wire: DuplexStream, pause: Duration) -> io::Result<()> {
    let mut question = [0; 7]; // "ready?" and the end of the line
    wire.read_exact(&mut question).await?;
    sleep(pause).await;
    wire.write_all(b"yes\n").await
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_secs(1);
    for pause in [300, 5_000] {
        let (mut connection, wire) = duplex(64); // two ends, 64 bytes each way
        tokio::spawn(service(wire, Duration::from_millis(pause)));

        let start = Instant::now();
        match is_ready(&mut connection, limit).await {
            Ok(ready) => println!("ready: {ready}, after {:?}", start.elapsed()),
            Err(error) => println!("{}, after {:?}", error.kind(), start.elapsed()),
        }
    }
}
