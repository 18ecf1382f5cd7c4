use super::shown::not_send::PerCore;
use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;
use std::sync::mpsc;
use tokio::sync::mpsc::Receiver;
use tokio::task::{JoinSet, yield_now};

// ANCHOR: per_core
/// A customer, and who wants to know how many orders this customer has.
type Order = (usize, mpsc::Sender<(usize, u32)>);

/// Runs on each thread, with a state of its own.
async fn count_orders(_thread: usize, mut orders: Receiver<Order>) {
    let counts = Rc::new(RefCell::new(HashMap::<usize, u32>::new()));
    let mut tasks = JoinSet::new();
    while let Some((customer, reply)) = orders.recv().await {
        let counts = Rc::clone(&counts);
        tasks.spawn_local(async move {
            yield_now().await; // at work: asks a server
            let mut counts = counts.borrow_mut();
            let count = counts.entry(customer).or_default();
            *count += 1;
            let _ = reply.send((customer, *count)); // nobody may wait for it
        });
    }
    tasks.join_all().await;
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let cores = PerCore::start(2, 64, count_orders)?;
    let (reply, replies) = mpsc::channel();
    for customer in [7, 8, 7, 7] {
        cores.send(customer, (customer, reply.clone())).await?;
    }
    cores.stop()?; // blocks: this `main` has nothing else to do
    let mut replies: Vec<_> = replies.try_iter().collect();
    replies.sort_unstable(); // the two threads reply in any order
    println!("{replies:?}");
    Ok(())
}
// ANCHOR_END: per_core
