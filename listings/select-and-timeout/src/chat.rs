//! A chat server: one loop for each client, one room that keeps the order, and a stop.

use std::collections::BTreeMap;
use std::future::Future; // only edition 2021 needs this line
use std::io;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Fuse, FusedFuture};
use select_and_timeout::server_that_stops::{Accept, accept_all};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::select;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

// ANCHOR: settings
/// The limits of a chat.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Ends a client that sends no line, or takes no message, for so long.
    pub silence: Duration,
    /// From one `PING` to the next. More than zero.
    pub ping: Duration,
    /// How long clients may take for what they have not read at the stop.
    pub grace: Duration,
    /// How many messages may wait for a client that does not read.
    pub queue: NonZeroUsize,
}

/// How the clients ended. Each that had a name is counted once.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Left by themselves.
    pub left: usize,
    /// Stayed until the stop, and were written all messages and the goodbye.
    pub goodbyes: usize,
    /// Sent no line, or took no message, for too long.
    pub silent: usize,
    /// Did not read, until their queue was full.
    pub slow: usize,
    /// The connection broke, or a line was too long or no UTF-8.
    pub broken: usize,
    /// Were dropped at the end of the grace time.
    pub aborted: usize,
}
// ANCHOR_END: settings

// ANCHOR: room
/// Who is here. All changes and messages go through one lock, so all see one order.
#[derive(Debug)]
struct Room {
    queue: NonZeroUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    members: BTreeMap<u64, Member>,
    joined: u64,
    closed: bool,
    report: Report,
}

#[derive(Debug)]
struct Member {
    name: String,
    queue: mpsc::Sender<Arc<str>>,
    /// Ends the connection of this member.
    kick: CancellationToken,
}
// ANCHOR_END: room

// ANCHOR: tell
impl State {
    fn tell(&mut self, message: &str) {
        for name in self.put(message) {
            self.tell(&format!("* {name} does not read"));
        }
    }

    /// Puts a message into the queue of each member, and waits for nobody. A member
    /// whose queue is full is out. Returns the names of these.
    fn put(&mut self, message: &str) -> Vec<String> {
        let message: Arc<str> = message.into();
        let mut slow = Vec::new();
        self.members.retain(|_, member| {
            let has_room = member.queue.try_send(Arc::clone(&message)).is_ok();
            if !has_room {
                member.kick.cancel();
                slow.push(member.name.clone());
            }
            has_room
        });
        slow
    }
}
// ANCHOR_END: tell

// ANCHOR: join
/// Why somebody did not get into the room.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
enum Refused {
    #[error("a name has 1 to 20 letters or digits")]
    NoName,
    #[error("this name is taken")]
    Taken,
    #[error("the room is closed")]
    Closed,
}

impl Room {
    /// Takes a seat. The new member is the first who reads that it is here.
    fn join(self: &Arc<Self>, name: &str) -> Result<Seat, Refused> {
        let letters = name.chars().all(char::is_alphanumeric);
        if !letters || !(1..=20).contains(&name.chars().count()) {
            return Err(Refused::NoName);
        }
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.members.values().any(|member| member.name == name) {
            return Err(Refused::Taken);
        }
        let (queue, inbox) = mpsc::channel(self.queue.get());
        let (name, kick) = (name.to_owned(), CancellationToken::new());
        let number = state.joined;
        state.joined += 1;
        let member = Member { name: name.clone(), queue, kick: kick.clone() };
        state.members.insert(number, member);
        state.tell(&format!("* {name} is here"));
        Ok(Seat { room: Arc::clone(self), number, name, inbox, kick })
    }
}
// ANCHOR_END: join

// ANCHOR: close
impl Room {
    /// Says goodbye to all. It is the last message of each queue.
    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let _slow = state.put("* the server stops. Goodbye!"); // nobody is told of them
        state.members.clear(); // drops the senders, so each queue ends
    }
}
// ANCHOR_END: close

impl Room {
    fn new(queue: NonZeroUsize) -> Self {
        Self { queue, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// ANCHOR: seat
/// A place in the room. Whoever drops it leaves.
#[derive(Debug)]
struct Seat {
    room: Arc<Room>,
    number: u64,
    name: String,
    /// Messages for this member. Ends when it has left, or the room has closed.
    inbox: mpsc::Receiver<Arc<str>>,
    kick: CancellationToken,
}

impl Seat {
    fn say(&self, line: &str) {
        self.room.lock().tell(&format!("{}: {line}", self.name));
    }

    /// No more messages come, but those in the queue stay there.
    fn leave(&self) {
        let mut state = self.room.lock();
        if state.members.remove(&self.number).is_some() {
            state.tell(&format!("* {} has left", self.name));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave(); // also if the task panics, or is dropped
    }
}
// ANCHOR_END: seat

/// Runs a chat until `stop` is cancelled. Then it says goodbye, lets each client read what
/// it was told, for `settings.grace` at most, and drops the connections that are left.
///
/// The first line of a client is its name. `/find WORDS` calls `search`, `/cancel` drops
/// that search, `/quit` leaves, and the answer to `PING` is `PONG`. All else is said.
///
/// # Panics
/// Outside a Tokio runtime. The task of a client panics, and with it only this client, if
/// `settings.ping` is zero, or a time or the queue is too large for Tokio.
///
/// # Cancel safety
/// If you drop this, all connections are dropped too.
// ANCHOR: serve
pub async fn serve<L, F, Fut>(
    listener: L,
    settings: Settings,
    search: F,
    stop: CancellationToken,
) -> Report
where
    L: Accept,
    F: Fn(String) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = String> + Send + 'static,
{
    let (clients, kill) = (TaskTracker::new(), CancellationToken::new());
    let room = Arc::new(Room::new(settings.queue));
    let killed_with_this = kill.clone().drop_guard();

    let start = |stream| {
        let (room, search) = (Arc::clone(&room), search.clone());
        let (stop, kill) = (stop.clone(), kill.clone());
        clients.spawn(async move {
            serve_client(stream, &room, settings, &search, &stop, &kill).await;
        });
    };
    // ANCHOR: steps
    // 1. No new clients: the listener is dropped here.
    stop.run_until_cancelled(accept_all(listener, start)).await;
    // 2. Say goodbye, and give the clients time to read it.
    room.close();
    clients.close();
    let _in_time = timeout(settings.grace, clients.wait()).await;
    // 3. Drop the clients that are left.
    drop(killed_with_this);
    clients.wait().await;
    // ANCHOR_END: steps
    room.lock().report
}
// ANCHOR_END: serve

// ANCHOR: serve_client
/// From the first line of a client to its end, which it counts.
async fn serve_client<S, F, Fut>(
    stream: S,
    room: &Arc<Room>,
    settings: Settings,
    search: &F,
    stop: &CancellationToken,
    kill: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite,
    F: Fn(String) -> Fut,
    Fut: Future<Output = String>,
{
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = Lines { input: BufReader::new(reader), line: Vec::new() };
    let log_in = log_in(&mut lines, &mut writer, room, settings.silence, stop);
    let Some(Some(seat)) = kill.run_until_cancelled(log_in).await else { return };
    let kick = seat.kick.clone();
    let talk = talk(seat, lines, writer, settings, search, stop);
    let end = match kill.run_until_cancelled(kick.run_until_cancelled(talk)).await {
        None => End::Aborted,
        Some(None) => End::Slow, // kicked
        Some(Some(Ok(end))) => end,
        Some(Some(Err(error))) if error.kind() == io::ErrorKind::TimedOut => {
            End::Silent
        }
        Some(Some(Err(_broken))) => End::Broken,
    };
    room.count(end);
}
// ANCHOR_END: serve_client

// ANCHOR: log_in
/// The first line is the name. `None`: the client did not get in.
async fn log_in(
    lines: &mut Lines<impl AsyncRead + Unpin>,
    writer: &mut (impl AsyncWrite + Unpin),
    room: &Arc<Room>,
    limit: Duration,
    stop: &CancellationToken,
) -> Option<Seat> {
    let first_line = select! {
        biased;
        () = stop.cancelled() => return None,
        line = timeout(limit, lines.next()) => line,
    };
    let Ok(Ok(Some(name))) = first_line else { return None };
    match room.join(&name) {
        Ok(seat) => Some(seat),
        Err(refused) => {
            let answer = format!("! {refused}");
            let _ = write(writer, &answer, limit).await; // it may have left
            None
        }
    }
}
// ANCHOR_END: log_in

// ANCHOR: count
/// How a client ended.
enum End {
    Left,
    Goodbye,
    Silent,
    Slow,
    Broken,
    Aborted,
}

impl Room {
    fn count(&self, end: End) {
        let report = &mut self.lock().report;
        let place = match end {
            End::Left => &mut report.left,
            End::Goodbye => &mut report.goodbyes,
            End::Silent => &mut report.silent,
            End::Slow => &mut report.slow,
            End::Broken => &mut report.broken,
            End::Aborted => &mut report.aborted,
        };
        *place += 1;
    }
}
// ANCHOR_END: count

/// The loop of one client, until both have ended: what it says, and what it is told.
async fn talk<S, F, Fut>(
    mut seat: Seat,
    mut lines: Lines<impl AsyncRead + Unpin>,
    mut writer: S,
    limits: Settings,
    search: &F,
    stop: &CancellationToken,
) -> io::Result<End>
where
    S: AsyncWrite + Unpin,
    F: Fn(String) -> Fut,
    Fut: Future<Output = String>,
{
    // ANCHOR: timers
    let mut silence = pin!(sleep(limits.silence));
    let mut pings = interval_at(Instant::now() + limits.ping, limits.ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut found = pin!(Fuse::terminated()); // no search yet
    let (mut reading, mut end) = (true, End::Left);
    // ANCHOR_END: timers
    // ANCHOR: the_loop
    loop {
        select! {
            biased; // the stop first, and what others say before the next line
            () = stop.cancelled(), if reading => {
                (reading, end) = (false, End::Goodbye);
            }
            message = seat.inbox.recv() => match message {
                Some(message) => write(&mut writer, &message, limits.silence).await?,
                None => break, // it has left, or the room has closed
            },
            answer = &mut found, if reading => {
                write(&mut writer, &format!("= {answer}"), limits.silence).await?;
            }
            line = lines.next(), if reading => match line? {
                Some(line) if line != "/quit" => {
                    silence.as_mut().reset(Instant::now() + limits.silence);
                    if let Some(reply) = obey(&line, &seat, search, found.as_mut()) {
                        write(&mut writer, reply, limits.silence).await?;
                    }
                    yield_now().await; // the others get a turn to read this line
                }
                _ => {
                    reading = false;
                    seat.leave();
                }
            },
            _ = pings.tick(), if reading => {
                write(&mut writer, "PING", limits.silence).await?;
            }
            () = &mut silence, if reading => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
    // ANCHOR_END: the_loop
    writer.shutdown().await?;
    Ok(end)
}

// ANCHOR: obey
/// Does what a line asks for. Returns what only this client is told.
fn obey<F, Fut>(
    line: &str,
    seat: &Seat,
    search: &F,
    mut found: Pin<&mut Fuse<Fut>>,
) -> Option<&'static str>
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = String>,
{
    match (line, line.strip_prefix("/find ")) {
        ("" | "PONG", _) => None, // a sign of life
        ("/cancel", _) if found.is_terminated() => Some("! no search is running"),
        ("/cancel", _) => {
            found.set(Fuse::terminated()); // drops the search
            Some("! cancelled")
        }
        (_, Some(_)) if !found.is_terminated() => Some("! one search at a time"),
        (_, Some(words)) => {
            found.set(search(words.to_owned()).fuse());
            None
        }
        _ => {
            seat.say(line);
            None
        }
    }
}
// ANCHOR_END: obey

// ANCHOR: lines
/// The longest line, with its end, in bytes.
const LONGEST: usize = 8 * 1024;

/// Reads lines. A part of a line is kept here, so a drop of `next` loses nothing.
struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// The next line without its end; `None` if the client has closed its side.
    ///
    /// # Errors
    /// The line is longer than [`LONGEST`] or no UTF-8, or the connection is broken.
    ///
    /// # Cancel safety
    /// If you drop this, no byte is lost.
    async fn next(&mut self) -> io::Result<Option<String>> {
        let room = LONGEST - self.line.len();
        let mut input = (&mut self.input).take(room as u64);
        input.read_until(b'\n', &mut self.line).await?;
        if self.line.ends_with(b"\n") {
            let line = String::from_utf8(std::mem::take(&mut self.line));
            let line = line.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            return Ok(Some(line.trim_end().to_owned()));
        }
        if self.line.len() == LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(None) // half a line before the end is no line
    }
}

// ANCHOR_END: lines

// ANCHOR: write
/// Writes one line, or fails after `limit`.
async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    line: &str,
    limit: Duration,
) -> io::Result<()> {
    let line = format!("{line}\n");
    timeout(limit, writer.write_all(line.as_bytes())).await?
}
// ANCHOR_END: write

/// A chat with the mistakes of this chapter, kept to be measured against.
pub mod naive {
    use tokio::io::AsyncBufRead;
    use tokio::sync::broadcast;

    use super::*;

    /// Wrong in each branch: it loses half a line, messages, the silence and the stop.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn talk(
        mut input: impl AsyncBufRead + Unpin,
        mut output: impl AsyncWrite + Unpin,
        room: broadcast::Sender<String>,
        silence: Duration,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let mut messages = room.subscribe();
        // ANCHOR: naive
        loop {
            let mut line = String::new();
            select! {
                _ = input.read_line(&mut line) => { let _ = room.send(line); }
                Ok(message) = messages.recv() => {
                    output.write_all(message.as_bytes()).await?;
                }
                () = sleep(silence) => return Ok(()),
                () = stop.cancelled() => return Ok(()),
            }
        }
        // ANCHOR_END: naive
    }
}

#[cfg(test)]
mod tests;
