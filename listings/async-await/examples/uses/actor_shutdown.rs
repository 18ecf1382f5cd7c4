use super::actor::{Desk, Invoices, PLACES, Request};
use async_await::actor::{Gone, start};
use std::error::Error;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let (handle, owner) = start(PLACES, Invoices(0));
    let desk = Desk(handle);
    // ANCHOR: shutdown
    let limit = Duration::from_millis(25);
    let (ada, bob, end) = tokio::join!(
        desk.next("Ada"),
        desk.next("Bob"),
        timeout(limit, owner.shutdown()),
    );
    println!("Ada: {}, Bob: {}, last number: {}", ada?, bob?, end??.0);
    match desk.next("Cleo").await {
        Ok(number) => println!("Cleo: {number}"),
        Err(Gone::NotTaken(Request::Next { name, .. })) => {
            println!("not taken: {name}");
        }
        Err(Gone::NoAnswer) => println!("perhaps there is an invoice for Cleo"),
    }
    // ANCHOR_END: shutdown
    Ok(())
}
