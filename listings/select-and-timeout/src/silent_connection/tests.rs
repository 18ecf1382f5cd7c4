use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use backend::cancel::after_polls;
use backend::{ends, soon};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::time::{interval, sleep};

use super::*;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const LIMITS: Limits = Limits { quiet: s(20), answer: s(5), write: s(10) };

fn connection(capacity: usize) -> (Connection<DuplexStream>, DuplexStream) {
    let (server, client) = duplex(capacity);
    (Connection::new(server, LIMITS), client)
}

/// All that comes until the other side is dropped.
async fn all_of(mut client: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    client.read_to_string(&mut text).await.expect("text");
    text
}

/// A client that says what it is told, each line after its wait, and stays.
fn says(mut client: DuplexStream, lines: &'static [(u64, &'static str)]) {
    tokio::spawn(async move {
        for (wait, text) in lines {
            sleep(s(*wait)).await;
            client.write_all(text.as_bytes()).await.expect("the server is there");
        }
        sleep(s(1_000_000)).await;
        drop(client);
    });
}

/// A client that answers `pings` pings, each after `after`, and says nothing else.
fn answers(client: DuplexStream, pings: usize, after: Duration) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(client).lines();
        for _ in 0..pings {
            let ping = lines.next_line().await.expect("text");
            assert_eq!(ping.as_deref(), Some("PING"));
            sleep(after).await;
            lines.get_mut().write_all(b"PONG\n").await.expect("the server is there");
        }
        sleep(s(1_000_000)).await;
    });
}

#[tokio::test(start_paused = true)]
async fn without_limits_a_peer_that_is_gone_is_waited_for_for_a_day() {
    let (server, _client) = duplex(64);
    let server = naive::answer_all(server, str::to_owned);
    assert!(timeout(s(24 * 60 * 60), server).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn without_limits_a_peer_that_does_not_read_is_waited_for_for_a_day() {
    let (server, mut client) = duplex(64);
    let mut answers = 0;
    let serve = naive::answer_all(server, |_| {
        answers += 1;
        "x".repeat(40)
    });
    let ask = async {
        client.write_all(b"a\nb\nc\nd\n").await.expect("the server reads");
        std::future::pending::<()>().await;
    };
    let both = async { tokio::join!(serve, ask) };
    assert!(timeout(s(24 * 60 * 60), both).await.is_err());
    assert_eq!(answers, 2, "40 bytes fit, 80 do not");
}

#[tokio::test(start_paused = true)]
async fn with_limits_the_loop_ends_for_a_peer_that_is_gone_or_does_not_read() {
    let start = Instant::now();
    let (mut server, mut client) = connection(64);
    client.write_all(b"a\n").await.expect("the server reads");
    let mut upper = |line: &str| line.to_uppercase();
    let end = ends(answer_all(&mut server, &mut upper)).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(25));
    drop(server);
    assert_eq!(all_of(client).await, "A\nPING\n");

    let (mut server, mut client) = connection(64);
    client.write_all(b"a\nb\nc\nd\n").await.expect("the server reads");
    let end = ends(answer_all(&mut server, |_| "x".repeat(40))).await;
    assert!(matches!(end, Err(Lost::TakesNothing)), "{end:?}");
    assert_eq!(start.elapsed(), s(25 + 10));

    let (mut server, mut client) = connection(64);
    client.write_all(b"a\n").await.expect("the server reads");
    client.shutdown().await.expect("it is open");
    ends(answer_all(&mut server, &mut upper)).await.expect("the peer has closed");
    drop(server);
    assert_eq!(all_of(client).await, "A\n");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_gone_is_noticed_after_its_quiet_and_a_ping() {
    let start = Instant::now();
    let (mut server, client) = connection(64);
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(25));
    drop(server);
    assert_eq!(all_of(client).await, "PING\n");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_only_answers_pings_is_kept_until_it_does_not() {
    let start = Instant::now();
    let (mut server, client) = connection(64);
    answers(client, 100, s(4));
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(100 * 24 + 25));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_is_none() {
    let start = Instant::now();
    let (mut server, client) = connection(64);
    answers(client, 1, s(6));
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(25));
}

#[tokio::test(start_paused = true)]
async fn each_line_begins_the_quiet_again() {
    let start = Instant::now();
    let (mut server, client) = connection(64);
    says(client, &[(19, "a\n"), (19, "b\n"), (19, "c\n")]);
    for expected in ["a", "b", "c"] {
        let line = ends(server.next()).await.expect("it is there");
        assert_eq!(line.as_deref(), Some(expected));
    }
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(3 * 19 + 25));
}

#[tokio::test(start_paused = true)]
async fn any_line_is_an_answer_to_a_ping() {
    let start = Instant::now();
    let (mut server, client) = connection(64);
    says(client, &[(24, "busy\n")]);
    let line = ends(server.next()).await.expect("it is there");
    assert_eq!(line.as_deref(), Some("busy"));
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(24 + 25));
}

#[tokio::test(start_paused = true)]
async fn a_byte_in_each_second_is_no_line() {
    let start = Instant::now();
    let (mut server, mut client) = connection(64);
    let drips = async {
        for _ in 0..60 {
            sleep(Duration::from_millis(1_001)).await;
            client.write_all(b"x").await.expect("the server is there");
        }
        std::future::pending::<()>().await;
    };
    let end = select! {
        end = server.next() => end,
        () = drips => unreachable!("it drips for ever"),
    };
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(25));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_is_not_lost() {
    let (mut server, client) = connection(64);
    drop(client);
    assert!(matches!(ends(server.next()).await, Ok(None)));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_text_is_an_error_of_the_connection() {
    let (mut server, mut client) = connection(64);
    client.write_all(b"\xff\n").await.expect("the server is there");
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::Io(_))), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_lost_after_the_limit_of_a_write() {
    let start = Instant::now();
    let (mut server, client) = connection(8);
    ends(server.send("one")).await.expect("there is room");
    let end = ends(server.send("two and three")).await;
    assert!(matches!(end, Err(Lost::TakesNothing)), "{end:?}");
    assert_eq!(start.elapsed(), s(10));
    drop(server);
    assert_eq!(all_of(client).await, "one\ntwo ", "it has got half of a line");
}

#[tokio::test(start_paused = true)]
async fn a_write_waits_for_a_peer_that_is_slow() {
    let (mut server, mut client) = connection(8);
    let reads = async {
        sleep(s(9)).await;
        let mut text = [0; 14];
        client.read_exact(&mut text).await.expect("the server is there");
        text
    };
    let (sent, text) = tokio::join!(ends(server.send("two and three")), ends(reads));
    sent.expect("it is slow, and not gone");
    assert_eq!(&text, b"two and three\n");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_take_the_ping_is_lost() {
    let start = Instant::now();
    let (mut server, _client) = connection(8);
    ends(server.send("1234567")).await.expect("there is room");
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::TakesNothing)), "{end:?}");
    assert_eq!(start.elapsed(), s(20 + 10));
}

#[tokio::test(start_paused = true)]
async fn after_a_send_that_failed_or_was_dropped_nothing_is_sent() {
    let (mut server, _client) = connection(8);
    ends(server.send("123456789")).await.expect_err("there is no room");
    let end = ends(server.send("next")).await;
    assert!(matches!(end, Err(Lost::HalfSent)), "{end:?}");

    let (mut server, client) = connection(8);
    assert!(after_polls(1, server.send("123456789")).await.is_none(), "dropped");
    let end = ends(server.send("next")).await;
    assert!(matches!(end, Err(Lost::HalfSent)), "{end:?}");
    drop(server);
    assert_eq!(all_of(client).await, "12345678");
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_before_its_first_poll_sends_nothing() {
    let (mut server, client) = connection(8);
    drop(server.send("123456789"));
    ends(server.send("next")).await.expect("there is room");
    drop(server);
    assert_eq!(all_of(client).await, "next\n");
}

#[tokio::test(start_paused = true)]
async fn after_a_ping_that_was_dropped_half_way_nothing_is_sent_and_lines_still_come() {
    let (mut server, mut client) = connection(8);
    ends(server.send("123")).await.expect("there is room");
    assert!(timeout(s(21), server.next()).await.is_err(), "PI has gone out, and waits");
    client.write_all(b"hello\n").await.expect("the server is there");
    let line = ends(server.next()).await.expect("reading goes on");
    assert_eq!(line.as_deref(), Some("hello"));
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::HalfSent)), "{end:?}");
    drop(server);
    assert_eq!(all_of(client).await, "123\nPING"[..8]);
}

/// A loop that does something else once in 8 s, so that it drops each `next`.
async fn in_a_loop<S: AsyncRead + AsyncWrite + Unpin>(
    server: &mut Connection<S>,
) -> Result<Vec<String>, (Vec<String>, Lost)> {
    let mut ticks = interval(s(8));
    let mut seen = Vec::new();
    loop {
        select! {
            _ = ticks.tick() => {}
            line = server.next() => match line {
                Ok(Some(line)) => seen.push(line),
                Ok(None) => return Ok(seen),
                Err(lost) => return Err((seen, lost)),
            },
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_next_that_is_dropped_again_and_again_still_notices_the_silence() {
    let start = Instant::now();
    let (mut server, client) = connection(64);
    let (seen, lost) =
        ends(in_a_loop(&mut server)).await.expect_err("the peer is gone");
    assert!(seen.is_empty() && matches!(lost, Lost::Silent), "{lost:?}");
    assert_eq!(start.elapsed(), s(25));
    drop(server);
    assert_eq!(
        all_of(client).await,
        "PING\n",
        "one ping, though next was dropped after it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_next_that_is_dropped_loses_no_byte() {
    let (mut server, mut client) = connection(64);
    tokio::spawn(async move {
        for byte in "hello\nbye\n".bytes() {
            sleep(s(3)).await;
            client.write_all(&[byte]).await.expect("the server is there");
        }
    });
    let seen = ends(in_a_loop(&mut server)).await.expect("the peer has closed");
    assert_eq!(seen, ["hello", "bye"]);
}

#[tokio::test(start_paused = true)]
async fn with_its_limit_in_the_future_the_silence_is_never_noticed() {
    let (server, _client) = duplex(64);
    let mut lines = BufReader::new(server).lines();
    let mut ticks = interval(s(8));
    let serve = async {
        loop {
            select! {
                _ = ticks.tick() => {}
                line = naive::next(&mut lines, LIMITS) => return line,
            }
        }
    };
    assert!(timeout(s(60 * 60), serve).await.is_err());

    let alone = ends(naive::next(&mut lines, LIMITS)).await;
    assert!(matches!(alone, Err(Lost::Silent)), "{alone:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_costs_a_ping_and_no_peer() {
    let start = Instant::now();
    let (mut server, client) = connection(64);
    answers(client, 1, s(1));
    sleep(s(60)).await; // a handler
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(60 + 1 + 25), "the answer was heard");

    let (mut server, client) = connection(64);
    says(client, &[(30, "hello\n")]);
    sleep(s(60)).await; // a handler
    let line = ends(server.next()).await.expect("it is there");
    assert_eq!(line.as_deref(), Some("hello"), "what has come is read first");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_during_a_slow_handler_counts() {
    let (mut server, client) = connection(64);
    answers(client, 1, s(1));
    assert!(timeout(Duration::from_millis(20_500), server.next()).await.is_err());
    sleep(s(60)).await; // a handler: the answer comes after half a second
    let start = Instant::now();
    let end = ends(server.next()).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    assert_eq!(start.elapsed(), s(25), "the quiet began again");
}

/// A large message.
static LARGE: [u8; 60_000] = [7; 60_000];

/// Takes `piece` bytes in each second.
async fn slow(mut client: DuplexStream, piece: usize) -> usize {
    let (mut read, mut buffer) = (0, vec![0; piece]);
    loop {
        sleep(s(1)).await;
        match client.read(&mut buffer).await.expect("bytes") {
            0 => return read,
            bytes => read += bytes,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_limit_for_a_large_message_loses_a_slow_peer() {
    let start = Instant::now();
    let (mut writer, client) = duplex(1_000);
    let client = tokio::spawn(slow(client, 1_000));
    let end = naive::write_at_once(&mut writer, &LARGE, s(10)).await;
    assert!(matches!(end, Err(Lost::TakesNothing)), "{end:?}");
    assert_eq!(start.elapsed(), s(10));
    drop(writer);
    let read = ends(client).await.expect("no panic");
    assert!((10_000..=11_000).contains(&read), "{read}: it was well");
}

#[tokio::test(start_paused = true)]
async fn a_limit_for_each_piece_keeps_a_slow_peer() {
    let start = Instant::now();
    let (mut writer, client) = duplex(1_000);
    let client = tokio::spawn(slow(client, 1_000));
    ends(write_in_pieces(&mut writer, &LARGE, s(10))).await.expect("it is slow");
    assert_eq!(start.elapsed(), s(59), "the last 1,000 are in the channel");
    drop(writer);
    assert_eq!(ends(client).await.expect("no panic"), 60_000);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_in_a_large_message_is_lost() {
    let start = Instant::now();
    let (mut writer, _client) = duplex(1_000);
    let end = ends(write_in_pieces(&mut writer, &LARGE, s(10))).await;
    assert!(matches!(end, Err(Lost::TakesNothing)), "{end:?}");
    assert_eq!(start.elapsed(), s(10));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_byte_in_each_second_is_kept_for_an_hour() {
    let (mut writer, client) = duplex(1);
    tokio::spawn(slow(client, 1));
    let write = write_in_pieces(&mut writer, &LARGE, s(10));
    assert!(timeout(s(60 * 60), write).await.is_err());
}

/// Keeps what it is given until it is flushed; a flush never ends.
struct NeverFlushes;

impl AsyncWrite for NeverFlushes {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn the_limits_count_for_a_flush_too() {
    let end = ends(write_in_pieces(&mut NeverFlushes, b"x", s(10))).await;
    assert!(matches!(end, Err(Lost::TakesNothing)), "{end:?}");
    let peer = tokio::io::join(tokio::io::empty(), NeverFlushes);
    let end = ends(Connection::new(peer, LIMITS).send("x")).await;
    assert!(matches!(end, Err(Lost::TakesNothing)), "{end:?}");
}

/// Says each time that it has written nothing. A loop that does not stop is a panic, and no hang.
struct TakesNoByte(usize);

impl AsyncWrite for TakesNoByte {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0 += 1;
        assert!(self.0 < 10, "it asks again and again");
        Poll::Ready(Ok(0))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_takes_no_byte_is_an_error() {
    let end = ends(write_in_pieces(&mut TakesNoByte(0), b"x", s(10))).await;
    assert!(
        matches!(end, Err(Lost::Io(error)) if error.kind() == io::ErrorKind::WriteZero)
    );
}

/// A pair of real sockets. The limits are short; nothing measures them.
async fn sockets(limits: Limits) -> (Connection<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let (client, accepted) =
        tokio::join!(TcpStream::connect(address), listener.accept());
    let (server, _) = accepted.expect("a connection");
    (Connection::new(server, limits), client.expect("a connection"))
}

#[tokio::test]
async fn over_tcp_a_peer_that_is_gone_is_noticed_by_a_ping_without_answer() {
    let short = Duration::from_millis(20);
    let limits = Limits { quiet: short, answer: short, write: s(3_600) };
    let (mut server, client) = sockets(limits).await;
    let end = soon(server.next()).await;
    assert!(matches!(end, Err(Lost::Silent)), "{end:?}");
    drop(server);
    assert_eq!(
        soon(all_of(client)).await,
        "PING\n",
        "the write of the ping was no error"
    );
}

#[tokio::test]
async fn over_tcp_a_peer_that_does_not_read_is_noticed_by_a_write() {
    let limits =
        Limits { quiet: s(3_600), answer: s(3_600), write: Duration::from_millis(50) };
    let (mut server, _client) = sockets(limits).await;
    let line = "x".repeat(1_000_000);
    let mut sent = 0;
    let lost = soon(async {
        loop {
            match server.send(&line).await {
                Ok(()) => sent += 1,
                Err(lost) => return lost,
            }
        }
    });
    let lost = lost.await;
    assert!(matches!(lost, Lost::TakesNothing), "{lost:?}");
}

#[test]
fn a_connection_can_be_spawned() {
    fn spawned<F: Future + Send + 'static>(_: F) {}
    let _ = |mut server: Connection<TcpStream>| {
        spawned(async move {
            let line = server.next().await;
            let _ = server.send("x").await;
            line
        });
    };
}
