use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::sleep;
use tracing::{Instrument, Metadata, Span, info_span};
use tracing_subscriber::util::SubscriberInitExt;

// ANCHOR: span
/// Prints what a log line of `tracing` would carry: the name of the span.
fn log(line: &str) {
    let span = Span::current().metadata().map_or("no span", Metadata::name);
    println!("{span}: {line}");
}

async fn send_receipt(order: u32) {
    sleep(Duration::from_millis(200)).await;
    log(&format!("receipt {order} sent"));
}

async fn handler() -> Result<(), JoinError> {
    log("two orders");
    tokio::spawn(send_receipt(1)).await?;
    tokio::spawn(send_receipt(2).in_current_span()).await
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), JoinError> {
    tracing_subscriber::registry().init();
    handler().instrument(info_span!("request")).await
}
// ANCHOR_END: span
