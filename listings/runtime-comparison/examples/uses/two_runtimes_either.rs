use super::shown::two_runtimes::runtime;
use super::two_runtimes::{price, send_receipt};
use smol::channel::bounded;
use std::error::Error;

// ANCHOR: either
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    runtime::run(async {
        let (sent, receipts) = bounded(1);
        runtime::spawn(send_receipt(sent)).detach();
        let price = runtime::spawn(price(7)).output().await?;
        println!("price {price}, receipt {:?}", receipts.recv().await);
        Ok(())
    })?
}
// ANCHOR_END: either
