use runtime_comparison::many_threads::sell;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let seats = Arc::new(AtomicU32::new(1));
    let mut customers = Vec::new();
    for _ in 0..10 {
        let seats = Arc::clone(&seats);
        let print = || println!("a ticket"); // at work: sends it to the printer
        customers.push(tokio::spawn(async move { sell(&seats, print) }));
    }
    let mut sold = 0;
    for customer in customers {
        sold += u32::from(customer.await?);
    }
    println!("{sold} of 10 customers has the seat");
    Ok(())
}
