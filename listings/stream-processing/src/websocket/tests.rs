use super::*;
use futures::future::join;
use tokio::net::TcpListener;

/// All differ from what tungstenite takes by itself.
const LIMITS: Limits = Limits {
    message: 1024,
    outbox: NonZeroUsize::MIN,
    write: Duration::from_mins(1),
    ping: Duration::from_mins(1),
    silence: Duration::from_mins(1),
};

/// What `dial` gave, and what `accept` gave.
async fn both_ends() -> [Connection<TcpStream>; 2] {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = async {
        let (wire, _) = listener.accept().await.unwrap();
        accept(wire, LIMITS).await
    };
    let both = timeout(LIMITS.silence, join(dial(&url, LIMITS), server));
    let (client, server) = both.await.expect("it waits for ever");
    [client.unwrap(), server.unwrap()]
}

#[tokio::test]
async fn on_both_sides_a_small_message_does_not_wait() {
    for end in both_ends().await {
        assert!(lock(end.socket.as_ref().unwrap()).get_ref().nodelay().unwrap());
    }
}

#[tokio::test]
async fn on_both_sides_each_part_of_the_config_is_in_force() {
    let ours = format!("{:?}", LIMITS.config());
    assert_ne!(ours, format!("{:?}", WebSocketConfig::default()));
    for end in both_ends().await {
        let socket = lock(end.socket.as_ref().unwrap());
        assert_eq!(format!("{:?}", socket.get_config()), ours);
    }
}
