use axum::{Router, extract::State, http::StatusCode, routing::post};
use select_and_timeout::client_hangs_up::{serve, take_order};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

async fn write() {
    sleep(Duration::from_millis(10)).await; // at work: the database
    println!("the order is written");
}

async fn confirm() {
    sleep(Duration::from_millis(300)).await; // at work: an e-mail
    println!("the order is confirmed");
}

async fn handler(State(tasks): State<TaskTracker>) -> Result<(), StatusCode> {
    take_order(&tasks, write(), confirm()).await
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> io::Result<()> {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let router = Router::new().route("/", post(handler)).with_state(tasks.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?; // 0: any free port
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let server = tokio::spawn(serve(listener, router, tasks, stop.clone()));
    client.write_all(b"POST / HTTP/1.1\r\nhost: shop\r\n\r\n").await?;
    sleep(Duration::from_millis(100)).await;
    println!("the client hangs up");
    drop(client);
    stop.cancel(); // a new version is rolled out
    server.await??;
    println!("the server has ended");
    Ok(())
}
