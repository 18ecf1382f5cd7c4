use super::client_hangs_up::BEGUN;
use super::shown::client_hangs_up::serve;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use select_and_timeout::client_hangs_up::report;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

// ANCHOR: handler
/// Computes 1,000 pages. Each of them needs 10 ms.
fn pages(gone: &CancellationToken) -> String {
    BEGUN.notify_one();
    for _page in 1..=1_000 {
        if gone.is_cancelled() {
            println!("the report stops");
            return String::new(); // nobody reads it
        }
        std::thread::sleep(Duration::from_millis(10)); // at work: computes
    }
    println!("the report is complete");
    "1,000 pages".to_owned()
}

async fn handler(State(tasks): State<TaskTracker>) -> Result<String, StatusCode> {
    report(&tasks, |gone| pages(&gone)).await
}
// ANCHOR_END: handler

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> io::Result<()> {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let router = Router::new().route("/", post(handler)).with_state(tasks.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let server = tokio::spawn(serve(listener, router, tasks, stop.clone()));

    client.write_all(b"POST / HTTP/1.1\r\nhost: shop\r\n\r\n").await?;
    BEGUN.notified().await;
    println!("the client hangs up");
    drop(client);
    stop.cancel();
    server.await??;
    println!("the server has ended");
    Ok(())
}
