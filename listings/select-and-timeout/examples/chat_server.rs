//! A chat server and three clients over TCP: ann and bob talk, and eve never reads.
//!
//! Each step waits for an answer, and no limit can be reached. So it prints the same in each run.

use std::error::Error;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use select_and_timeout::chat::{Settings, serve};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

// ANCHOR: client
/// A client that waits for each answer.
struct Client {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    seen: Vec<String>,
}

impl Client {
    async fn connect(server: SocketAddr, name: &str) -> io::Result<Self> {
        let (reader, writer) = TcpStream::connect(server).await?.into_split();
        let lines = BufReader::new(reader).lines();
        let mut client = Self { lines, writer, seen: Vec::new() };
        client.say(name).await?;
        Ok(client)
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.writer.write_all(format!("{line}\n").as_bytes()).await
    }

    /// Reads until it sees this line.
    async fn sees(&mut self, awaited: &str) -> io::Result<()> {
        while let Some(line) = self.lines.next_line().await? {
            self.seen.push(line);
            if self.seen.last().is_some_and(|line| line == awaited) {
                return Ok(());
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn saw(&self, line: &str) -> bool {
        self.seen.iter().any(|seen| seen == line)
    }
}
// ANCHOR_END: client

// ANCHOR: main
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hour = Duration::from_hours(1);
    let queue = NonZeroUsize::MIN.saturating_add(15);
    let settings = Settings { silence: hour, ping: hour, grace: hour, queue };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, settings, search, stop.clone()));

    let mut ann = Client::connect(address, "ann").await?;
    ann.sees("* ann is here").await?;
    let mut bob = Client::connect(address, "bob").await?;
    for client in [&mut ann, &mut bob] {
        client.sees("* bob is here").await?;
    }
    talk(&mut ann, &mut bob).await?;
    let mut eve = Client::connect(address, "eve").await?;
    too_slow(&mut ann, &mut bob).await?;

    stop.cancel();
    for client in [&mut ann, &mut bob] {
        client.sees("* the server stops. Goodbye!").await?;
    }
    let report = server.await?;
    for (name, client) in [("ann", &ann), ("bob", &bob)] {
        println!("{name} saw:");
        for line in client.seen.iter().filter(|line| line.len() < 80) {
            println!("    {line}");
        }
    }
    while let Ok(Some(_)) = eve.lines.next_line().await {} // what was on its way to her
    println!("eve is disconnected");
    println!("{report:#?}");
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: talk
/// Counts pages at once. A search for all of them never ends.
async fn search(words: String) -> String {
    if words == "everything" { pending().await } else { format!("3 pages: {words}") }
}

async fn talk(ann: &mut Client, bob: &mut Client) -> io::Result<()> {
    ann.say("Hello, Bob!").await?;
    bob.sees("ann: Hello, Bob!").await?;
    bob.say("/find tea").await?;
    bob.sees("= 3 pages: tea").await?;
    bob.say("/find everything").await?;
    bob.say("/cancel").await?;
    bob.sees("! cancelled").await?;
    bob.say("Hello, Ann!").await?;
    for client in [ann, bob] {
        client.sees("bob: Hello, Ann!").await?;
    }
    Ok(())
}
// ANCHOR_END: talk

// ANCHOR: too_slow
/// Ann sends long lines, until all hear that eve does not read.
async fn too_slow(ann: &mut Client, bob: &mut Client) -> io::Result<()> {
    for client in [&mut *ann, &mut *bob] {
        client.sees("* eve is here").await?;
    }
    let long = "x".repeat(8_000);
    while !ann.saw("* eve does not read") {
        ann.say(&long).await?;
        for client in [&mut *ann, &mut *bob] {
            client.sees(&format!("ann: {long}")).await?;
        }
    }
    Ok(())
}
// ANCHOR_END: too_slow
