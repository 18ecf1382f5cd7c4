//! A future that nobody awaits is a warning; here warnings are errors.
#![deny(warnings)]

use std::time::Duration;

async fn send_receipt(_order: u32) {}

async fn serve() {
    send_receipt(1);
    tokio::time::sleep(Duration::from_secs(1));
}

fn main() {
    drop(serve());
}
