use axum::{Router, middleware::from_fn_with_state, routing::get};
use policy::limiter::Rate;
use select_and_timeout::limiter_that_says_no::{Limits, limited};
use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: layer
    let two = const { NonZeroU32::new(2).unwrap() };
    let rate = Rate { tokens: two, per: Duration::from_hours(1), burst: two };
    let most = const { NonZeroUsize::new(10_000).unwrap() }; // clients
    let limits = Arc::new(Limits::new(rate, most)?);
    let app = Router::new()
        .route("/search", get(async || "tea: 3 left"))
        .layer(from_fn_with_state(limits, limited));
    // ANCHOR_END: layer

    let listener = TcpListener::bind("127.0.0.1:0").await?; // 0: any free port
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let client = reqwest::Client::new();
    for account in ["Ann", "Ann", "Ann", "Ben"] {
        let request = client.get(format!("http://{address}/search"));
        let answer = request.header("x-account", account).send().await?;
        println!("{account}: {}", answer.status());
        if let Some(wait) = answer.headers().get("retry-after") {
            let seconds: u32 = wait.to_str()?.parse()?;
            println!("{account} may come back in {} minutes", seconds.div_ceil(60));
        }
    }
    server.abort();
    Ok(())
}
