use select_and_timeout::cancel_safety::read_log;
use std::{io, time::Duration};
use tokio::io::{AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

/// At work: a socket. It sends a piece every 60 ms; the first line comes in two pieces.
fn meter() -> DuplexStream {
    let (mut meter, socket) = duplex(64);
    tokio::spawn(async move {
        for piece in ["kitc", "hen 21\n", "cellar 14\n"] {
            sleep(Duration::from_millis(60)).await;
            meter.write_all(piece.as_bytes()).await.expect("the reader is there");
        }
    });
    socket
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> io::Result<()> {
    let start = Instant::now();
    let on_line = |line: &str| println!("{:?}: {line}", start.elapsed());
    let on_tick = || println!("{:?}: (tick)", start.elapsed());
    read_log(BufReader::new(meter()), Duration::from_millis(100), on_line, on_tick)
        .await
}
