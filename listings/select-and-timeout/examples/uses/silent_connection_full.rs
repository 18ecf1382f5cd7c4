use super::shown::silent_connection::Connection;
use super::silent_connection::LIMITS;
use tokio::io::duplex;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: full
    let start = Instant::now();
    let (server, _client) = duplex(64); // room for 64 bytes, and the client reads none
    let mut connection = Connection::new(server, LIMITS);
    let mut sent = 0;
    let end = loop {
        match connection.send("news").await {
            Ok(()) => sent += 1,
            lost => break lost,
        }
    };
    println!("{:?}: {sent} sent, then {end:?}", start.elapsed());
    // ANCHOR_END: full
}
