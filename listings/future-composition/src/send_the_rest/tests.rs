use super::*;
use backend::cancel::after_polls;
use tokio::io::{AsyncReadExt, duplex};
use tokio::time::{Instant, sleep};

const MESSAGE: &[u8] = b"0123456789";
const LIMIT: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn sent_again_with_what_is_left_each_byte_comes_once() {
    let (mut stream, mut peer) = duplex(4);
    let (mut rest, start) = (MESSAGE, Instant::now());
    let late = send_within(&mut stream, &mut rest, LIMIT).await.unwrap_err();
    assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    assert_eq!((start.elapsed(), rest), (LIMIT, &MESSAGE[4..]));
    let again = async {
        send_within(&mut stream, &mut rest, LIMIT).await.unwrap();
        drop(stream);
        rest
    };
    let mut got = Vec::new();
    let (rest, read) = tokio::join!(again, peer.read_to_end(&mut got));
    assert_eq!((got.as_slice(), read.unwrap(), rest), (MESSAGE, 10, &b""[..]));
}

#[tokio::test(start_paused = true)]
async fn sent_again_from_the_start_bytes_come_twice() {
    let (mut stream, mut peer) = duplex(4);
    naive::send_all(&mut stream, MESSAGE, LIMIT).await.unwrap_err();
    let again = async {
        naive::send_all(&mut stream, MESSAGE, LIMIT).await.unwrap();
        drop(stream);
    };
    let mut got = Vec::new();
    let ((), read) = tokio::join!(again, peer.read_to_end(&mut got));
    assert_eq!((got.as_slice(), read.unwrap()), (&b"01230123456789"[..], 14));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_knows_what_is_left_to_send() {
    for polls in 0.. {
        let (mut stream, mut peer) = duplex(4);
        let mut rest = MESSAGE;
        let send = async {
            let send = send_within(&mut stream, &mut rest, Duration::MAX);
            let end = after_polls(polls, send).await;
            drop(stream);
            end
        };
        let mut got = Vec::new();
        let read = async {
            let mut two = [0; 2];
            while let read @ 1.. = peer.read(&mut two).await.unwrap() {
                got.extend_from_slice(&two[..read]);
                sleep(LIMIT).await;
            }
        };
        let (end, ()) = tokio::join!(send, read);
        got.extend_from_slice(rest);
        assert_eq!(got, MESSAGE);
        if let Some(end) = end {
            end.unwrap();
            assert!(polls > 2, "it waited more than once");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_does_not_wait_in_a_buffer() {
    let (stream, mut peer) = duplex(4);
    let mut stream = tokio::io::BufWriter::new(stream);
    let (mut rest, start) = (MESSAGE, Instant::now());
    // All of it is in the buffer, and the peer has room for four.
    let late = send_within(&mut stream, &mut rest, LIMIT * 2).await.unwrap_err();
    assert_eq!((late.kind(), start.elapsed()), (io::ErrorKind::TimedOut, LIMIT * 2));
    assert_eq!(rest, b"");
    let mut got = [0; 10];
    let (sent, read) = tokio::join!(
        send_within(&mut stream, &mut rest, LIMIT),
        peer.read_exact(&mut got)
    );
    sent.unwrap();
    assert_eq!((read.unwrap(), got.as_slice()), (10, MESSAGE));
}

#[tokio::test(start_paused = true)]
async fn what_the_connection_says_is_told_as_it_is() {
    let (mut stream, peer) = duplex(4);
    drop(peer);
    let mut rest = MESSAGE;
    let broken = send_within(&mut stream, &mut rest, LIMIT).await.unwrap_err();
    assert_eq!((broken.kind(), rest), (io::ErrorKind::BrokenPipe, MESSAGE));
}

#[tokio::test(start_paused = true)]
async fn a_send_can_be_spawned() {
    let (mut stream, _peer) = duplex(16);
    let send = async move { send_within(&mut stream, &mut &*MESSAGE, LIMIT).await };
    tokio::spawn(send).await.unwrap().unwrap();
}
