use super::deadline_across_servers::{ask, stock};
use super::shown::deadline::Deadline;
use super::shown::deadline_across_servers::{Limits, TIME_LEFT, answer, to_header};
use axum::{Router, http::HeaderMap, http::StatusCode, routing::get};
use reqwest::Client;
use std::{error::Error, time::Duration};
use tokio::net::TcpListener;

// ANCHOR: shop
/// The server of the shop, which asks the warehouse.
async fn shop(
    client: Client,
    warehouse: String,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let look_up = async |deadline| {
        let request = client.get(&warehouse).header(TIME_LEFT, to_header(deadline));
        let reply = request.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        match reply.status() {
            StatusCode::OK => reply.text().await.map_err(|_| StatusCode::BAD_GATEWAY),
            StatusCode::GATEWAY_TIMEOUT => Err(StatusCode::GATEWAY_TIMEOUT),
            _ => Err(StatusCode::BAD_GATEWAY),
        }
    };
    answer(&headers, Limits::default(), look_up).await? // 400, 504, or its result
}
// ANCHOR_END: shop

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?; // 0: any free port
    let url = format!("http://{}/", listener.local_addr()?);
    // ANCHOR: route
    let (asks, warehouse) = (Client::new(), url.clone());
    let shop = async move |headers| shop(asks, warehouse, headers).await;
    let router = Router::new().route("/", get(stock)).route("/shop", get(shop));
    let url = format!("{url}shop");
    // ANCHOR_END: route
    tokio::spawn(async { axum::serve(listener, router).await });
    let client = Client::new();
    let deadline = Deadline::after(Duration::from_secs(30));
    println!("{}", ask(&client, &url, deadline).await?);
    let late = client.get(&url).header(TIME_LEFT, "0"); // nobody waits any more
    println!("{}", late.send().await?.status());
    Ok(())
}
