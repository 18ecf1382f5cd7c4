use reqwest::Client;
use std::time::Duration;
use tokio::net::TcpListener;

// ANCHOR: http
#[tokio::main(flavor = "current_thread")] // the network needs real time
pub(crate) async fn main() -> reqwest::Result<()> {
    // A server that accepts connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", silent.local_addr().expect("it has one"));

    let limit = Duration::from_millis(50); // in production, some seconds
    let client = Client::builder().timeout(limit).no_proxy().build()?;
    match client.get(url).send().await {
        Ok(answer) => println!("{}", answer.status()),
        Err(error) if error.is_timeout() => println!("no answer within {limit:?}"),
        Err(error) => return Err(error),
    }
    Ok(())
}
// ANCHOR_END: http
