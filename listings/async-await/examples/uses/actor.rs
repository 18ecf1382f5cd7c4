use async_await::actor::{Actor, Gone, Handle, start};
use futures::future::join_all;
use std::{error::Error, num::NonZeroUsize, time::Duration};
use tokio::{sync::oneshot, time::sleep, time::timeout};

pub(crate) struct Invoices(pub(crate) u32); // the last number

pub(crate) enum Request {
    Next { name: &'static str, answer: oneshot::Sender<u32> },
}

impl Actor for Invoices {
    type Request = Request;
    async fn handle(&mut self, Request::Next { name, answer }: Request) {
        self.0 += 1;
        sleep(Duration::from_millis(10)).await; // at work: write it to a database
        println!("invoice {} for {name} is written", self.0);
        let _nobody_waits = answer.send(self.0);
    }
}

pub(crate) struct Desk(pub(crate) Handle<Request>); // what callers use
impl Desk {
    pub(crate) async fn next(&self, name: &'static str) -> Result<u32, Gone<Request>> {
        self.0.ask(|answer| Request::Next { name, answer }).await
    }
}

pub(crate) const PLACES: NonZeroUsize = NonZeroUsize::new(8).unwrap();

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let (handle, owner) = start(PLACES, Invoices(0));
    let (desk, limit) = (Desk(handle), Duration::from_millis(25));
    let calls =
        ["Ada", "Bob", "Cleo", "Dan"].map(|name| timeout(limit, desk.next(name)));
    println!("{:?}", join_all(calls).await);
    println!("the last number is {}", owner.shutdown().await?.0);
    Ok(())
}
