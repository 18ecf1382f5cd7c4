use super::actor::{Desk, PLACES, Request};
use async_await::actor::{Actor, start};
use futures::future::join_all;
use std::error::Error;
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(crate) struct Invoices(u32);

impl Actor for Invoices {
    type Request = Request;

    // ANCHOR: skip
    async fn handle(&mut self, Request::Next { name, answer }: Request) {
        if answer.is_closed() {
            return println!("nobody waits for the invoice for {name}");
        }
        self.0 += 1;
        sleep(Duration::from_millis(10)).await; // at work: write it to a database
        println!("invoice {} for {name} is written", self.0);
        let _nobody_waits = answer.send(self.0);
    }
    // ANCHOR_END: skip
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let (handle, owner) = start(PLACES, Invoices(0));
    let desk = Desk(handle);
    let limit = Duration::from_millis(25);
    let calls =
        ["Ada", "Bob", "Cleo", "Dan"].map(|name| timeout(limit, desk.next(name)));
    println!("{:?}", join_all(calls).await);
    println!("the last number is {}", owner.shutdown().await?.0);
    Ok(())
}
