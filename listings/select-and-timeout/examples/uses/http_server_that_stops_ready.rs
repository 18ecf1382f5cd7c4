use super::http_server_that_stops::stock;
use super::shown::http_server_that_stops::{Phase, ready, serve_until, step_down};
use axum::{Router, routing::get};
use std::error::Error;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // ANCHOR: route
    let (phase, seen) = watch::channel(Phase::Running);
    let health = Router::new().route("/ready", get(ready)).with_state(seen);
    let app = Router::new().route("/stock", get(stock)).merge(health);
    // ANCHOR_END: route
    let (stop, grace) = (CancellationToken::new(), Duration::from_secs(2));
    let server = tokio::spawn(serve_until(listener, app, stop.clone(), grace));

    // ANCHOR: steps
    let balancer = async {
        let ready = reqwest::get(format!("http://{address}/ready")).await?;
        println!("ready: {}", ready.status());
        let client = reqwest::get(format!("http://{address}/stock")).await?;
        println!("a late client: {}", client.text().await?);
        Ok::<_, reqwest::Error>(())
    };
    let notice = Duration::from_secs(1);
    let ((), answered) = tokio::join!(step_down(&phase, notice, &stop), balancer);
    answered?;
    println!("the server: {:?}", server.await??);
    // ANCHOR_END: steps
    Ok(())
}
