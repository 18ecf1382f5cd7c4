use super::shown::many_threads::naive::sell;
use std::error::Error;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Barrier};

// ANCHOR: twice
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let seats = Arc::new(AtomicU32::new(1));
    let both_print = Arc::new(Barrier::new(2));
    let customers = [1, 2].map(|_| {
        let (seats, both_print) = (Arc::clone(&seats), Arc::clone(&both_print));
        // Blocks until the other customer is here too.
        let print = move || _ = both_print.wait();
        tokio::spawn(async move { sell(&seats, print) })
    });
    let mut sold = 0;
    for customer in customers {
        sold += u32::from(customer.await?);
    }
    println!("1 seat, {sold} tickets");
    Ok(())
}
// ANCHOR_END: twice
