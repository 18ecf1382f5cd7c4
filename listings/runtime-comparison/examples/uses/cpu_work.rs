use std::error;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use runtime_comparison::cpu_work::compute;

/// The report of a month, made on all threads of the pool.
fn report(orders: &[u64]) -> u64 {
    orders.par_iter().map(|cents| cents % 97).sum()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn error::Error>> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(2)
        .thread_name(|number| format!("cpu-{number}"))
        .build()?;
    let orders: Vec<u64> = (0..1_000_000).collect();
    let customer = tokio::spawn(async { println!("a customer is served") });
    let sum = compute(&pool, move || report(&orders)).await?;
    println!("report: {sum}");
    customer.await?;
    Ok(())
}
