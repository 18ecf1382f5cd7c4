use std::future::{pending, ready};

use backend::{Alive, ends};
use futures::future::join_all;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const GOODBYE: &str = "* the server stops. Goodbye!";

fn settings(queue: usize) -> Settings {
    let queue = NonZeroUsize::new(queue).unwrap();
    Settings { silence: secs(30), ping: secs(8), grace: secs(2), queue }
}

/// Gives `accept` what a test has put there.
struct Script(mpsc::UnboundedReceiver<DuplexStream>);

impl Accept for Script {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        match self.0.recv().await {
            Some(stream) => Ok(stream),
            None => pending().await,
        }
    }
}

/// A chat without a network.
struct Chat {
    clients: mpsc::UnboundedSender<DuplexStream>,
    stop: CancellationToken,
    server: JoinHandle<Report>,
}

fn open_with<F, Fut>(settings: Settings, search: F) -> Chat
where
    F: Fn(String) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = String> + Send + 'static,
{
    let (clients, next) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(Script(next), settings, search, stop.clone()));
    Chat { clients, stop, server }
}

fn open(queue: usize) -> Chat {
    open_with(settings(queue), |words: String| async move {
        sleep(ms(50)).await;
        format!("3 pages with {words}")
    })
}

impl Chat {
    /// A client that is connected, with room for so many bytes on the way to each side.
    fn client(&self, room: usize) -> Client {
        let (client, server) = duplex(room);
        let _ = self.clients.send(server); // not sent: refused
        let (reader, writer) = split(client);
        Client { lines: BufReader::new(reader).lines(), writer }
    }

    /// A client that is in.
    async fn join(&self, name: &str) -> Client {
        let mut client = self.client(1_000);
        client.say(name).await;
        client.sees(&format!("* {name} is here")).await;
        client
    }

    /// Two clients that are in, and have seen it.
    async fn ann_and_bob(&self) -> (Client, Client) {
        let mut ann = self.join("ann").await;
        let bob = self.join("bob").await;
        ann.sees("* bob is here").await;
        (ann, bob)
    }

    /// Stops, and gives the report and how long that took.
    async fn stop(self) -> (Report, Duration) {
        let begin = Instant::now();
        self.stop.cancel();
        let report = ends(self.server).await.unwrap();
        (report, begin.elapsed())
    }
}

struct Client {
    lines: tokio::io::Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
}

impl Client {
    async fn send(&mut self, text: &str) {
        ends(self.writer.write_all(text.as_bytes())).await.unwrap();
    }

    async fn say(&mut self, line: &str) {
        self.send(&format!("{line}\n")).await;
    }

    /// The next line must be this one.
    async fn sees(&mut self, line: &str) {
        assert_eq!(ends(self.lines.next_line()).await.unwrap().as_deref(), Some(line));
    }

    /// All lines until the connection ends.
    async fn rest(mut self) -> Vec<String> {
        let mut rest = Vec::new();
        while let Ok(Some(line)) = ends(self.lines.next_line()).await {
            rest.push(line);
        }
        rest
    }
}

fn said(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{name}: {n}")).collect()
}

// One room, one order.

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_clients_see_all_messages_in_one_order() {
    const NAMES: [&str; 4] = ["ann", "bob", "cid", "dan"];
    let chat = open(1_000);
    let mut clients = Vec::new();
    for name in NAMES {
        clients.push(chat.join(name).await);
    }
    let talks = clients.into_iter().enumerate().map(async |(number, client)| {
        let Client { mut lines, mut writer } = client;
        let speaks = async {
            for n in 0..50 {
                writer.write_all(format!("{n}\n").as_bytes()).await.unwrap();
            }
        };
        let reads = async {
            let mut seen = Vec::new();
            while seen.len() < 200 {
                let line = lines.next_line().await.unwrap().unwrap();
                if !line.starts_with('*') {
                    seen.push(line);
                }
            }
            seen
        };
        let ((), seen) = ends(async { tokio::join!(speaks, reads) }).await;
        (number, seen, lines, writer)
    });
    let talks = join_all(talks).await;
    let first = &talks[0].1;
    for (_, seen, ..) in &talks {
        assert_eq!(seen, first);
    }
    for name in NAMES {
        let own: Vec<_> =
            first.iter().filter(|line| line.starts_with(name)).cloned().collect();
        assert_eq!(own, said(name, 50));
    }
    assert_eq!(chat.stop().await.0.goodbyes, 4);
}

#[tokio::test(start_paused = true)]
async fn who_comes_and_who_leaves_is_told_to_all() {
    let chat = open(8);
    let (mut ann, mut bob) = chat.ann_and_bob().await;
    bob.say("hello").await;
    bob.sees("bob: hello").await;
    bob.say("/quit").await;
    assert!(bob.rest().await.is_empty());
    ann.sees("bob: hello").await;
    ann.sees("* bob has left").await;
    let (report, _) = chat.stop().await;
    assert_eq!(report, Report { left: 1, goodbyes: 1, ..Report::default() });
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_its_side_is_still_told_what_was_said_before() {
    let chat = open(8);
    let (mut ann, mut bob) = chat.ann_and_bob().await;
    for n in 0..5 {
        ann.say(&n.to_string()).await;
    }
    ann.say("/quit").await;
    ann.writer.shutdown().await.unwrap();
    assert_eq!(ann.rest().await, said("ann", 5));
    bob.say("/quit").await;
    let mut all = said("ann", 5);
    all.push("* ann has left".to_owned());
    assert_eq!(bob.rest().await, all);
    assert_eq!(chat.stop().await.0.left, 2);
}

/// With four bytes of room on the way, nearly all of what was said waits in the queue when the client closes its side.
#[tokio::test(start_paused = true)]
async fn the_loop_goes_on_until_its_queue_is_written_too() {
    let chat = open(8);
    let mut ann = chat.client(4);
    ann.say("ann").await;
    ann.sees("* ann is here").await;
    let mut bob = chat.join("bob").await;
    for n in 0..5 {
        bob.say(&n.to_string()).await;
        bob.sees(&format!("bob: {n}")).await;
    }
    ann.sees("* bob is here").await;
    ann.writer.shutdown().await.unwrap();
    assert_eq!(ann.rest().await, said("bob", 5));
    bob.sees("* ann has left").await;
    assert_eq!(chat.stop().await.0.left, 1);
}

// Names.

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_or_no_name_is_refused() {
    let chat = open(8);
    let (long, longest) = ("x".repeat(21), "x".repeat(20));
    let mut ann = chat.join("ann").await;
    for (name, answer) in [
        ("ann", "! this name is taken"),
        ("", "! a name has 1 to 20 letters or digits"),
        ("* ann", "! a name has 1 to 20 letters or digits"),
        (&long, "! a name has 1 to 20 letters or digits"),
    ] {
        let mut client = chat.client(1_000);
        client.say(name).await;
        assert_eq!(client.rest().await, [answer]);
    }
    let _in = chat.join(&longest).await;
    ann.sees(&format!("* {longest} is here")).await;
    assert_eq!(chat.stop().await.0.goodbyes, 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_no_name_is_dropped_after_the_silence() {
    let chat = open(8);
    let (begin, client) = (Instant::now(), chat.client(8));
    assert!(client.rest().await.is_empty());
    assert_eq!(begin.elapsed(), secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_said_no_name_does_not_hold_up_the_stop() {
    let chat = open(8);
    let mut client = chat.client(8);
    client.send("an").await;
    sleep(ms(1)).await;
    assert_eq!(chat.stop().await, (Report::default(), ms(0)));
    assert!(client.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_into_a_room_that_has_closed() {
    let room = Arc::new(Room::new(NonZeroUsize::MIN));
    room.close();
    assert_eq!(room.join("ann").unwrap_err(), Refused::Closed);
}

#[tokio::test(start_paused = true)]
async fn who_has_the_name_of_somebody_who_was_kicked_keeps_the_seat() {
    let room = Arc::new(Room::new(NonZeroUsize::MIN));
    let old = room.join("ann").unwrap();
    room.lock().tell("x"); // the queue of one is full, so ann is out
    let mut new = room.join("ann").unwrap();
    drop(old);
    assert_eq!(new.inbox.try_recv().unwrap().as_ref(), "* ann is here");
    new.say("x");
    assert_eq!(new.inbox.try_recv().unwrap().as_ref(), "ann: x");
}

// Timers.

#[tokio::test(start_paused = true)]
async fn a_silent_client_ends_after_30_s_and_was_pinged_each_8_s() {
    let chat = open(8);
    let (begin, client) = (Instant::now(), chat.join("ann").await);
    assert_eq!(client.rest().await, ["PING", "PING", "PING"]);
    assert_eq!(begin.elapsed(), secs(30));
    assert_eq!(chat.stop().await.0, Report { silent: 1, ..Report::default() });
}

#[tokio::test(start_paused = true)]
async fn a_pong_is_not_said_and_ends_the_silence() {
    let chat = open(8);
    let (begin, mut ann) = (Instant::now(), chat.join("ann").await);
    ann.sees("PING").await;
    ann.say("PONG").await;
    assert_eq!(ann.rest().await, ["PING", "PING", "PING"]);
    assert_eq!(begin.elapsed(), secs(38));
}

#[tokio::test(start_paused = true)]
async fn what_others_say_does_not_end_the_silence_of_a_client() {
    let chat = open(8);
    let (begin, mut ann) = (Instant::now(), chat.join("ann").await);
    let bob = chat.join("bob").await;
    ann.sees("* bob is here").await;
    let Client { lines, mut writer } = bob;
    let bob = Client { lines, writer: split(duplex(1).0).1 };
    tokio::spawn(async move {
        while writer.write_all(b"hello\n").await.is_ok() {
            sleep(ms(5_500)).await;
        }
    });
    tokio::spawn(bob.rest());
    let seen = ann.rest().await;
    assert_eq!(begin.elapsed(), secs(30));
    assert_eq!(seen.iter().filter(|line| *line == "bob: hello").count(), 6);
}

// Who does not read.

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_out_when_its_queue_is_full_and_holds_up_nobody()
{
    let chat = open(8);
    let mut ann = chat.join("ann").await;
    let mut eve = chat.client(20);
    eve.say("eve").await; // and she never reads
    ann.sees("* eve is here").await;
    let begin = Instant::now();
    let mut seen = Vec::new();
    for n in 0..12 {
        ann.say(&n.to_string()).await;
        while seen.last() != Some(&format!("ann: {n}")) {
            seen.push(ends(ann.lines.next_line()).await.unwrap().unwrap());
        }
    }
    // One is half written, eight are in the queue, and the tenth finds no room.
    let mut all = said("ann", 12);
    all.insert(10, "* eve does not read".to_owned());
    assert_eq!(seen, all);
    assert_eq!(begin.elapsed(), ms(0));
    assert_eq!(eve.rest().await, ["* eve is here", "ann: 0"]);
    let (report, _) = chat.stop().await;
    assert_eq!(report, Report { slow: 1, goodbyes: 1, ..Report::default() });
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_message_for_30_s_is_silent() {
    let chat = open(8);
    let mut eve = chat.client(4);
    let begin = Instant::now();
    eve.say("eve").await;
    sleep(secs(31)).await;
    assert_eq!(eve.rest().await, ["* ev"]);
    assert_eq!(begin.elapsed(), secs(31));
    assert_eq!(chat.stop().await.0, Report { silent: 1, ..Report::default() });
}

#[tokio::test(start_paused = true)]
async fn a_paste_of_1000_lines_puts_nobody_out_who_reads() {
    let chat = open(4);
    let (ann, bob) = chat.ann_and_bob().await;
    let bob = tokio::spawn(bob.rest());
    let Client { lines, mut writer } = ann;
    let ann = Client { lines, writer: split(duplex(1).0).1 };
    let ann = tokio::spawn(ann.rest());
    for n in 0..1_000 {
        ends(writer.write_all(format!("{n}\n").as_bytes())).await.unwrap();
    }
    sleep(ms(1)).await;
    assert_eq!(chat.stop().await.0, Report { goodbyes: 2, ..Report::default() });
    let mut all = said("ann", 1_000);
    all.push(GOODBYE.to_owned());
    assert_eq!(ann.await.unwrap(), all);
    assert_eq!(bob.await.unwrap(), all);
}

// The search.

#[tokio::test(start_paused = true)]
async fn a_search_holds_up_no_message_and_answers_only_who_asked() {
    let chat = open(8);
    let (mut ann, mut bob) = chat.ann_and_bob().await;
    ann.say("/find tea").await;
    ann.say("hello").await;
    ann.sees("ann: hello").await;
    ann.say("/find milk").await;
    ann.sees("! one search at a time").await;
    ann.sees("= 3 pages with tea").await;
    ann.say("/find milk").await;
    ann.sees("= 3 pages with milk").await;
    ann.say("/cancel").await;
    ann.sees("! no search is running").await;
    bob.sees("ann: hello").await;
    chat.stop().await;
    assert_eq!(bob.rest().await, [GOODBYE]);
}

/// A chat whose searches never end, and how many of them exist.
fn endless() -> (Chat, Alive) {
    let alive = Alive::default();
    let guards = alive.clone();
    let chat = open_with(settings(8), move |_| {
        let guard = guards.guard();
        async move {
            let _guard = guard;
            pending().await
        }
    });
    (chat, alive)
}

#[tokio::test(start_paused = true)]
async fn cancel_drops_the_search() {
    let (chat, alive) = endless();
    let mut ann = chat.join("ann").await;
    ann.say("/find tea").await;
    sleep(ms(1)).await;
    assert_eq!(alive.count(), 1);
    ann.say("/cancel").await;
    ann.sees("! cancelled").await;
    assert_eq!(alive.count(), 0);
    assert_eq!(chat.stop().await.0.goodbyes, 1);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_drops_the_search() {
    let (chat, alive) = endless();
    let mut ann = chat.join("ann").await;
    ann.say("/find tea").await;
    sleep(ms(1)).await;
    assert_eq!(alive.count(), 1);
    ann.say("/quit").await;
    assert!(ann.rest().await.is_empty());
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_stop_drops_the_search() {
    let (chat, alive) = endless();
    let mut ann = chat.join("ann").await;
    ann.say("/find tea").await;
    sleep(ms(1)).await;
    assert_eq!(alive.count(), 1);
    assert_eq!(chat.stop().await.1, ms(0));
    assert_eq!(alive.count(), 0);
    assert_eq!(ann.rest().await, [GOODBYE]);
}

#[tokio::test(start_paused = true)]
async fn a_search_that_panics_ends_its_client_only() {
    let chat = open_with(settings(8), |words: String| {
        assert_ne!(words, "bug");
        ready(words)
    });
    let (mut ann, mut bob) = chat.ann_and_bob().await;
    ann.say("/find bug").await;
    assert!(ann.rest().await.is_empty());
    bob.sees("* ann has left").await;
    assert_eq!(chat.stop().await.0.goodbyes, 1);
}

// Lines.

#[tokio::test(start_paused = true)]
async fn a_line_that_comes_in_two_halves_with_messages_between_is_whole() {
    let chat = open(8);
    let (mut ann, mut bob) = chat.ann_and_bob().await;
    ann.send("hel").await;
    sleep(ms(1)).await;
    bob.say("what?").await;
    ann.sees("bob: what?").await;
    ann.send("lo\r\n").await;
    ann.sees("ann: hello").await;
    bob.sees("bob: what?").await;
    bob.sees("ann: hello").await;
}

#[tokio::test(start_paused = true)]
async fn half_a_line_before_the_end_is_not_said() {
    let chat = open(8);
    let (mut ann, mut bob) = chat.ann_and_bob().await;
    ann.send("delete all").await;
    ann.writer.shutdown().await.unwrap();
    assert!(ann.rest().await.is_empty());
    bob.sees("* ann has left").await;
}

#[tokio::test(start_paused = true)]
async fn a_line_of_more_than_8_kib_ends_its_client() {
    let chat = open(8);
    let mut ann = chat.join("ann").await;
    let longest = "x".repeat(8_191);
    ann.say(&longest).await;
    ann.sees(&format!("ann: {longest}")).await;
    let sends = ann.writer.write_all(longest.as_bytes()).await;
    assert!(sends.is_ok());
    let _ = ann.writer.write_all(b"yz").await; // it may have ended before the z
    assert!(ann.rest().await.is_empty());
    assert_eq!(chat.stop().await.0, Report { broken: 1, ..Report::default() });
}

// The stop.

#[tokio::test(start_paused = true)]
async fn at_the_stop_each_client_gets_what_was_said_and_the_goodbye() {
    let chat = open(8);
    let mut ann = chat.join("ann").await;
    let mut bob = chat.client(4);
    bob.say("bob").await;
    ann.sees("* bob is here").await;
    for n in 0..5 {
        ann.say(&n.to_string()).await;
        ann.sees(&format!("ann: {n}")).await;
    }
    // Most of it is in the queue of bob, who begins to read after the stop.
    let ((report, _), seen) = tokio::join!(chat.stop(), bob.rest());
    let mut all = vec!["* bob is here".to_owned()];
    all.extend(said("ann", 5));
    all.push(GOODBYE.to_owned());
    assert_eq!(seen, all);
    assert_eq!(ann.rest().await, [GOODBYE]);
    assert_eq!(report, Report { goodbyes: 2, ..Report::default() });
}

#[tokio::test(start_paused = true)]
async fn the_stop_goes_first_so_a_line_that_comes_with_it_is_not_taken() {
    for _ in 0..50 {
        let (chat, alive) = endless();
        let mut ann = chat.join("ann").await;
        sleep(ms(1)).await;
        chat.stop.cancel();
        ann.say("/find tea").await;
        assert_eq!(chat.stop().await.0.goodbyes, 1);
        assert_eq!(alive.dropped(), 0, "no search has begun");
        assert_eq!(ann.rest().await, [GOODBYE]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_at_the_stop_is_aborted_after_the_grace_time() {
    let chat = open(8);
    let mut eve = chat.client(20);
    eve.say("eve").await;
    let mut ann = chat.join("ann").await;
    ann.say("hello").await;
    ann.sees("ann: hello").await;
    let (report, took) = chat.stop().await;
    assert_eq!(report, Report { aborted: 1, goodbyes: 1, ..Report::default() });
    assert_eq!(took, secs(2));
    assert_eq!(eve.rest().await, ["* eve is here", "* ann "]);
    assert_eq!(ann.rest().await, [GOODBYE]);
}

#[tokio::test(start_paused = true)]
async fn the_goodbye_is_the_last_message_also_if_it_finds_a_queue_full() {
    let room = Arc::new(Room::new(NonZeroUsize::new(3).unwrap()));
    let (mut ann, eve) = (room.join("ann").unwrap(), room.join("eve").unwrap());
    for _ in 0..2 {
        room.lock().tell("x");
        while ann.inbox.try_recv().is_ok() {}
    }
    room.close();
    assert!(eve.kick.is_cancelled());
    assert_eq!(ann.inbox.recv().await.as_deref(), Some(GOODBYE));
    assert_eq!(ann.inbox.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_is_dropped_drops_all_its_clients() {
    let chat = open(8);
    let (ann, named) = (chat.client(8), chat.join("bob").await);
    let begin = Instant::now();
    chat.server.abort();
    assert!(ann.rest().await.is_empty());
    assert!(named.rest().await.is_empty());
    assert_eq!(begin.elapsed(), ms(0));
}

// The chat with the mistakes.

/// A naive client in a room with a queue of 16, and the test's end of its connection.
fn naive_client(
    room: &broadcast::Sender<String>,
    bytes: usize,
    stop: &CancellationToken,
) -> (DuplexStream, JoinHandle<io::Result<()>>) {
    let (client, server) = duplex(bytes);
    let (reader, writer) = split(server);
    let (room, stop) = (room.clone(), stop.clone());
    let talk = naive::talk(BufReader::new(reader), writer, room, secs(30), stop);
    (client, tokio::spawn(talk))
}

#[tokio::test(start_paused = true)]
async fn the_naive_chat_loses_the_first_half_of_a_line() {
    let (room, mut said) = broadcast::channel(16);
    let (mut ann, _talk) = naive_client(&room, 100, &CancellationToken::new());
    ann.write_all(b"hel").await.unwrap();
    sleep(ms(1)).await;
    room.send("bob: what?\n".to_owned()).unwrap();
    sleep(ms(1)).await;
    ann.write_all(b"lo\n").await.unwrap();
    sleep(ms(1)).await;
    assert_eq!(said.recv().await.unwrap(), "bob: what?\n");
    assert_eq!(said.recv().await.unwrap(), "lo\n");
}

#[tokio::test(start_paused = true)]
async fn in_the_naive_chat_a_client_that_lags_gets_none_of_100_messages() {
    let (room, _said) = broadcast::channel(16);
    let (mut eve, talk) = naive_client(&room, 10_000, &CancellationToken::new());
    sleep(ms(1)).await;
    let begin = Instant::now();
    for n in 0..100 {
        room.send(format!("{n}\n")).unwrap(); // the task of eve has no turn meanwhile
    }
    let mut seen = String::new();
    ends(eve.read_to_string(&mut seen)).await.unwrap();
    assert_eq!((seen.as_str(), begin.elapsed()), ("", ms(29_999)));
    assert!(talk.await.unwrap().is_ok(), "nobody is told");
}

#[tokio::test(start_paused = true)]
async fn in_the_naive_chat_a_silent_client_is_here_after_an_hour() {
    let (room, _said) = broadcast::channel(16);
    let (_ann, talk) = naive_client(&room, 100_000, &CancellationToken::new());
    for _ in 0..180 {
        sleep(secs(20)).await;
        room.send("bob: hello\n".to_owned()).unwrap();
    }
    assert!(!talk.is_finished());
}

#[tokio::test(start_paused = true)]
async fn the_naive_chat_does_not_stop_while_a_client_does_not_read() {
    let (room, _said) = broadcast::channel(16);
    let stop = CancellationToken::new();
    let (_eve, talk) = naive_client(&room, 4, &stop);
    sleep(ms(1)).await;
    room.send("bob: hello\n".to_owned()).unwrap();
    sleep(ms(1)).await;
    stop.cancel();
    sleep(secs(3_600)).await;
    assert!(!talk.is_finished());
}
