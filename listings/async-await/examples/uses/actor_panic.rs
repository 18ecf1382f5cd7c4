use super::actor::{Desk, PLACES, Request};
use async_await::actor::{Actor, start};
use std::time::Duration;
use tokio::time::sleep;

pub(crate) struct Invoices(u32);

impl Actor for Invoices {
    type Request = Request;

    async fn handle(&mut self, Request::Next { name, answer }: Request) {
        self.0 += 1;
        sleep(Duration::from_millis(10)).await; // at work: write it to a database
        // ANCHOR: full
        assert!(self.0 < 2, "the disk is full");
        // ANCHOR_END: full
        println!("invoice {} for {name} is written", self.0);
        let _nobody_waits = answer.send(self.0);
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    std::panic::set_hook(Box::new(|_| {})); // what it prints names a line of this file
    let (handle, owner) = start(PLACES, Invoices(0));
    let desk = Desk(handle);
    // ANCHOR: panic
    for customer in ["Ada", "Bob", "Cleo"] {
        match desk.next(customer).await {
            Ok(number) => println!("{customer} has invoice {number}"),
            Err(error) => println!("{customer}: {error}"),
        }
    }
    if let Err(error) = owner.shutdown().await {
        println!("the owner: {error}");
    }
    // ANCHOR_END: panic
}
