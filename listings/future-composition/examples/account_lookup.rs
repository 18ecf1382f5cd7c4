//! Look up an account: transform, chain, one error type, retry.
//!
//! The first half runs on the paused clock against a scripted service, so its times are exact; the second
//! over real HTTP on 127.0.0.1, and says what came in which order, never when.

use std::error::Error;
use std::fmt::Display;
use std::future::{Future, IntoFuture, ready};
use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

use backend::rng::Longest;
use backend::{HttpReply, HttpServer, HttpSite, Reply, Site, SiteError};
use future_composition::one_error_type::{
    HttpError, Limits, LoadError, causes, fetch_json, joined, settings_and_prices,
    with_limits,
};
use future_composition::retry_http::get_json;
use future_composition::transform_and_chain::{
    NameLookup, in_capitals, labelled, page, step, together, wall, with_fallback,
};
use futures::future::TryFutureExt;
use policy::retry::{Retry, RetryError};
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::time::Instant;

fn main() -> io::Result<()> {
    println!("On the paused clock");
    let paused =
        Builder::new_current_thread().enable_time().start_paused(true).build()?;
    paused.block_on(on_the_paused_clock());
    println!("\nOver HTTP on 127.0.0.1");
    // On one thread a connection is free again before the next request looks for one.
    let ordinary = Builder::new_current_thread().enable_all().build()?;
    ordinary.block_on(over_http())
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

// ANCHOR: on_the_paused_clock
async fn on_the_paused_clock() {
    let site = Site::default()
        .with_reply("/users/42", Reply::page(ms(100), "ada"))
        .with_reply("/users/0", Reply::status(ms(100), 404))
        .with_reply("/posts/ada", Reply::page(ms(100), "3 posts"))
        .with_reply("/friends", Reply::page(ms(90), "8 friends"));
    let body = |path: &str| site.fetch(path).map_ok(|page| page.body);

    for user in ["/users/42", "/users/0"] {
        tell("in capitals", in_capitals(body(user))).await;
        tell("with its step", step("the profile", body(user))).await;
        let posts = |name: String| body(&format!("/posts/{name}"));
        tell("profile, then posts", wall(body(user), posts)).await;
        let posts = async |name: &String| site.fetch(&format!("/posts/{name}")).await;
        let both = page(body(user), posts).map_ok(|(name, posts)| (name, posts.body));
        tell("profile kept, posts", both.map_ok(|(a, b)| format!("{a}, {b}"))).await;
        let friends = together(body(user), body("/friends"));
        tell("profile and friends", friends.map_ok(|(a, b)| format!("{a}, {b}"))).await;
        let cached =
            |_: SiteError| ready(Ok::<_, SiteError>("ada (cached)".to_owned()));
        tell("or from the cache", with_fallback(body(user), cached)).await;
        tell("by name", NameLookup::new(body(user)).in_capitals().into_future()).await;
    }
    let (label, outcome) = labelled("user 0", body("/users/0")).await;
    println!("  {label} keeps its label: {}", outcome.is_err());
}

/// Prints what came, and after how long.
async fn tell<T: Display, E: Error + 'static>(
    what: &str,
    call: impl Future<Output = Result<T, E>>,
) {
    let start = Instant::now();
    let outcome = match call.await {
        Ok(value) => value.to_string(),
        Err(error) => format!("failed: {}", chain(&error)),
    };
    println!("  {:>6}  {what}: {outcome}", format!("{:?}", start.elapsed()));
}
// ANCHOR_END: on_the_paused_clock

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(" <- ")
}

async fn over_http() -> io::Result<()> {
    let client = client();
    let server = HttpSite::default()
        .with_reply("/prices", HttpReply::ok(r#"{"tea": 3}"#))
        .with_reply("/secret", HttpReply::status(403, ""))
        .with_reply("/broken", HttpReply::status(500, ""))
        .with_reply("/page", HttpReply::ok("<html>"))
        .with_reply("/silent", HttpReply::hang())
        .with_replies("/busy", [busy(), busy(), HttpReply::ok("[1, 2, 3]")])
        .start()
        .await;
    one_error_for_each_failure(&client, &server).await?;
    two_sources_under_one_type(&client, &server).await?;
    again_when_that_can_help(&client, &server).await;
    Ok(())
}

fn busy() -> HttpReply {
    HttpReply::status(503, "").retry_after("0")
}

fn client() -> Client {
    let limits = Limits { connect: ms(5000), silence: ms(100), total: ms(5000) };
    with_limits(Client::builder().no_proxy(), limits).build().unwrap_or_default()
}

// ANCHOR: one_error_for_each_failure
async fn one_error_for_each_failure(
    client: &Client,
    server: &HttpServer,
) -> io::Result<()> {
    for path in ["/prices", "/nowhere", "/secret", "/broken", "/page", "/silent"] {
        let outcome = fetch_json::<Value>(client, &server.url(path)).await;
        println!("  {path}: {}", told(&outcome));
    }
    // Bound, but nobody listens.
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let refused = format!("http://{}/", socket.local_addr()?);
    println!(
        "  nobody listens: {}",
        told(&fetch_json::<Value>(client, &refused).await)
    );

    let (before, client) = (server.connections(), self::client());
    for _ in 0..5 {
        fetch_json::<Value>(&client, &server.url("/prices")).await.ok();
    }
    println!(
        "  5 requests of a new client, connections: {}",
        server.connections() - before
    );
    Ok(())
}

/// Without the address, which is another one each time.
fn told(outcome: &Result<Value, HttpError>) -> String {
    match outcome {
        Ok(value) => value.to_string(),
        Err(HttpError::NotFound { .. }) => "not found".to_owned(),
        Err(HttpError::Status { code, .. }) => format!("status {}", code.as_u16()),
        Err(HttpError::Decode { source, .. }) => format!("not JSON: {source}"),
        Err(HttpError::Timeout(_)) => "no answer in time".to_owned(),
        Err(HttpError::Transport(_)) => "did not come through".to_owned(),
    }
}
// ANCHOR_END: one_error_for_each_failure

// ANCHOR: two_sources_under_one_type
async fn two_sources_under_one_type(
    client: &Client,
    server: &HttpServer,
) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("settings.toml");
    tokio::fs::write(&file, "currency = \"EUR\"").await?;

    let missing = folder.path().join("none.toml");
    for (file, path) in [(&file, "/prices"), (&missing, "/prices"), (&file, "/nowhere")]
    {
        let (client, url) = (client.clone(), server.url(path));
        let settings = tokio::fs::read_to_string(file.clone());
        // As a task, so that its two results have to become one.
        let both = async move {
            settings_and_prices(settings, fetch_json::<Value>(&client, &url)).await
        };
        match joined::<_, LoadError>(tokio::spawn(both)).await {
            Ok((settings, prices)) => println!("  {settings} and {prices}"),
            Err(error) => println!("  {error}"),
        }
    }
    Ok(())
}
// ANCHOR_END: two_sources_under_one_type

// ANCHOR: again_when_that_can_help
async fn again_when_that_can_help(client: &Client, server: &HttpServer) {
    let retry = Retry { base: ms(1), cap: ms(1), ..Retry::default() };
    let retry = Retry { attempts: NonZeroU32::MIN.saturating_add(2), ..retry };
    for path in ["/busy", "/nowhere", "/broken", "/silent"] {
        let before = server.load().calls;
        let url = server.url(path);
        let outcome = get_json::<Value>(client, &url, &retry, &mut Longest).await;
        let requests = server.load().calls - before;
        match outcome {
            Ok(value) => println!("  {path}: {value}, requests: {requests}"),
            Err(RetryError { reason, .. }) => {
                println!("  {path}: {reason:?}, requests: {requests}");
            }
        }
    }
}
// ANCHOR_END: again_when_that_can_help
