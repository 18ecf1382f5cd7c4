//! A computation that ends because nobody waits for it any more.

use std::error;

use rayon::ThreadPoolBuilder;
use tokio::sync::oneshot;

use super::shown::cpu_work::compute_while_wanted;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn error::Error>> {
    let pool = ThreadPoolBuilder::new().num_threads(2).build()?;
    // ANCHOR: wanted
    let (begins, began) = oneshot::channel();
    let (says, said) = oneshot::channel();
    let work = compute_while_wanted(&pool, move |stop| {
        let _ = begins.send(()); // now the client hangs up
        let mut sum = 0_u64;
        for order in 0..u64::MAX {
            if order % 1_000 == 0 && stop.is_cancelled() {
                let _ = says.send("the report has stopped");
                return sum;
            }
            sum = sum.wrapping_add(order % 97);
        }
        sum
    });
    tokio::select! {
        sum = work => println!("report: {}", sum?),
        _ = began => println!("the client has hung up"), // and `work` is dropped
    }
    println!("{}", said.await?);
    // ANCHOR_END: wanted
    Ok(())
}
