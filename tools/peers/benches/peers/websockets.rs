//! `stream_processing::websocket`: 64 messages under way.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures::future::join;
use futures::{SinkExt, StreamExt};
use peers::{Table, timed};
use stream_processing::websocket::{Connection, Limits};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

const MESSAGES: usize = 64;
const REPEAT: usize = 10;

pub(crate) fn compare(table: &mut Table) {
    let runtime =
        Builder::new_current_thread().enable_all().build().expect("a runtime");
    let wires = || {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("bound");
            let (here, there) =
                join(TcpStream::connect(address), listener.accept()).await;
            let (here, (there, _)) =
                (here.expect("connected"), there.expect("accepted"));
            here.set_nodelay(true).expect("an option of TCP");
            (here, there)
        })
    };
    let minute = Duration::from_mins(1);
    let outbox = NonZeroUsize::new(MESSAGES).expect("not zero");
    let limits = Limits {
        message: 64 << 10,
        outbox,
        write: minute,
        ping: minute,
        silence: 5 * minute,
    };
    let text = "x".repeat(100);

    let (here, there) = wires();
    let from = |wire, role| {
        WebSocketStream::from_raw_socket(wire, role, Some(limits.config()))
    };
    let (ours_here, mut ours_there) = runtime.block_on(async {
        let here = Connection::new(from(here, Role::Client).await, limits);
        (here, Connection::new(from(there, Role::Server).await, limits))
    });
    let mut ours = async || {
        let outbox = ours_here.outbox();
        for _ in 0..REPEAT {
            for _ in 0..MESSAGES {
                outbox.send(Message::text(&text)).await.expect("open");
            }
            for _ in 0..MESSAGES {
                assert!(matches!(ours_there.next().await, Some(Ok(Message::Text(_)))));
            }
        }
    };

    let (here, there) = wires();
    let (mut their_here, mut their_there) = runtime.block_on(async {
        let here = WebSocketStream::from_raw_socket(here, Role::Client, None).await;
        (here, WebSocketStream::from_raw_socket(there, Role::Server, None).await)
    });
    let mut tungstenite = async || {
        for _ in 0..REPEAT {
            for _ in 0..MESSAGES {
                their_here.send(Message::text(&text)).await.expect("open");
            }
            for _ in 0..MESSAGES {
                assert!(matches!(their_there.next().await, Some(Ok(Message::Text(_)))));
            }
        }
    };

    let (here, there) = wires();
    let mut other_here = tokio_websockets::ClientBuilder::new().take_over(here);
    let mut other_there = tokio_websockets::ServerBuilder::new().serve(there);
    let mut websockets = async || {
        for _ in 0..REPEAT {
            for _ in 0..MESSAGES {
                let message = tokio_websockets::Message::text(text.clone());
                other_here.send(message).await.expect("open");
            }
            for _ in 0..MESSAGES {
                assert!(matches!(other_there.next().await, Some(Ok(_))));
            }
        }
    };
    let count = (MESSAGES * REPEAT) as u32;
    let what = "`Connection`, 64 messages sent, then read";
    let mut one = || timed(|| runtime.block_on(ours()));
    table.compare(what, "tokio-tungstenite", count, &mut one, || {
        timed(|| runtime.block_on(tungstenite()))
    });
    table.compare(what, "tokio-websockets", count, &mut one, || {
        timed(|| runtime.block_on(websockets()))
    });
}
