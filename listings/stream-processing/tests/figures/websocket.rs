use std::num::NonZeroUsize;
use std::time::Duration;

use backend::figure::{Figure, observe, tally};
use futures::{SinkExt, StreamExt};
use stream_processing::websocket::{Connection, Limits};
use tokio::io::duplex;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const LIMITS: Limits = Limits {
    message: 1_024,
    outbox: NonZeroUsize::new(4).unwrap(),
    write: secs(5),
    ping: secs(20),
    silence: secs(50),
};

/// The peer says `a` after 10 s and `b` after 35 s, answers pings for `well`, and then does
/// nothing any more.
async fn scene(well: Duration) {
    let (ours, theirs) = duplex(4_096);
    let ours = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    let theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
    let (mut says, mut hears) = theirs.split();
    let peer = tokio::spawn(async move {
        let hear = async {
            while let Some(Ok(Message::Ping(_))) = hears.next().await {
                tally("pings answered");
            }
        };
        let say = async {
            for (after, word) in [(10, "a"), (25, "b")] {
                sleep(secs(after)).await;
                says.send(Message::text(word)).await.unwrap();
            }
        };
        let _ = timeout(well, async { tokio::join!(hear, say) }).await;
        std::future::pending::<()>().await;
    });
    let messages = Connection::new(ours, LIMITS).map(|message| match message {
        Ok(message) => message.to_string(),
        Err(_) => "Silent".to_owned(),
    });
    let all = observe("messages", messages).collect::<Vec<_>>();
    let _ = timeout(secs(110), all).await;
    peer.abort();
}

#[test]
fn websocket() {
    Figure::new("websocket", "A ping every 20 s; 50 s of silence are the end")
        .panel("The peer answers, though it has nothing more to say", || {
            scene(secs(3_600))
        })
        .panel("The peer falls silent at 45 s", || scene(secs(45)))
        .check();
}
