use axum::{Router, routing::get};
use select_and_timeout::is_it_well::{Monitor, Rule, Seen, ready};
use std::error::Error;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

// ANCHOR: ask
async fn ask(client: reqwest::Client, url: String) -> Result<(), reqwest::Error> {
    client.get(url).send().await?.error_for_status()?; // a 503 is an error
    Ok(())
}
// ANCHOR_END: ask

/// Serves on a free port. Gives the address, and the task.
async fn serve(app: Router) -> io::Result<(String, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((url, tokio::spawn(async move { axum::serve(listener, app).await })))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let stock = Router::new().route("/", get(async || "well"));
    let (stock_url, stock_task) = serve(stock).await?;
    let (every, limit) = (Duration::from_millis(10), Duration::from_secs(1));
    let (one, stale) = (NonZeroU32::MIN, Duration::from_secs(10));
    let rule = Rule { every, limit, fails: one, passes: one, stale };
    // ANCHOR: routes
    let client = reqwest::Client::new(); // one for all checks
    let monitor = Monitor::start(rule, move || ask(client.clone(), stock_url.clone()));
    let mut results = monitor.results();
    let monitors = Arc::new([("stock", monitor)]);
    let shop = Router::new()
        .route("/live", get(async || "alive"))
        .route("/ready", get(async move || ready(&*monitors)));
    // ANCHOR_END: routes
    let (shop_url, shop_task) = serve(shop).await?;

    // ANCHOR: run
    let is_well = |seen: &Option<Seen<_>>| seen.as_ref().is_some_and(|seen| seen.well);
    results.wait_for(|seen| is_well(seen)).await?;
    let answer = reqwest::get(format!("{shop_url}/ready")).await?;
    println!("/ready: {}", answer.status());

    stock_task.abort(); // nobody listens there any more
    results.wait_for(|seen| !is_well(seen)).await?;
    let answer = reqwest::get(format!("{shop_url}/ready")).await?;
    println!("/ready: {}, {}", answer.status(), answer.text().await?);
    let answer = reqwest::get(format!("{shop_url}/live")).await?;
    println!("/live: {}", answer.status());
    // ANCHOR_END: run
    shop_task.abort();
    Ok(())
}
