use select_and_timeout::silent_connection::{Connection, Limits};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

pub(crate) const LIMITS: Limits = Limits {
    quiet: Duration::from_secs(20),
    answer: Duration::from_secs(5),
    write: Duration::from_secs(10),
};

/// At work: a `TcpStream`. Here, the client says hello, answers one ping, and is gone.
fn client() -> DuplexStream {
    let (server, client) = duplex(1_024);
    tokio::spawn(async move {
        let mut lines = BufReader::new(client).lines();
        lines.get_mut().write_all(b"hello\n").await?;
        println!("the client got {:?}", lines.next_line().await?);
        lines.get_mut().write_all(b"PONG\n").await?;
        sleep(Duration::from_hours(24)).await; // and nobody closes the connection
        Ok::<(), io::Error>(())
    });
    server
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let mut connection = Connection::new(client(), LIMITS);
    let end = loop {
        match connection.next().await {
            Ok(Some(line)) => println!("{:?}: {line}", start.elapsed()),
            end => break end,
        }
    };
    println!("{:?}: {end:?}", start.elapsed());
}
