use axum::{Router, http::HeaderMap, http::StatusCode, routing::get};
use reqwest::Client;
use select_and_timeout::deadline::Deadline;
use select_and_timeout::deadline_across_servers::{
    Limits, TIME_LEFT, answer, to_header,
};
use std::{error::Error, time::Duration};
use tokio::{net::TcpListener, time::sleep};
pub(crate) type Answer = Result<String, Box<dyn Error>>;

/// The client waits until its deadline, and tells the server how long that is.
pub(crate) async fn ask(client: &Client, url: &str, deadline: Deadline) -> Answer {
    let request = client.get(url).header(TIME_LEFT, to_header(deadline));
    let answer = async { request.send().await?.text().await };
    Ok(deadline.run("the stock", answer).await??)
}

/// The server. At work, it asks a database, or another server.
pub(crate) async fn stock(headers: HeaderMap) -> Result<&'static str, StatusCode> {
    let look_up = async |_deadline| {
        println!("the server looks it up");
        sleep(Duration::from_millis(20)).await;
        "3 left"
    };
    answer(&headers, Limits::default(), look_up).await
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?; // 0: any free port
    let url = format!("http://{}/", listener.local_addr()?);
    let router = Router::new().route("/", get(stock));
    tokio::spawn(async { axum::serve(listener, router).await });
    let client = Client::new();
    let deadline = Deadline::after(Duration::from_secs(30));
    println!("{}", ask(&client, &url, deadline).await?);
    let late = client.get(&url).header(TIME_LEFT, "0"); // nobody waits any more
    println!("{}", late.send().await?.status());
    Ok(())
}
