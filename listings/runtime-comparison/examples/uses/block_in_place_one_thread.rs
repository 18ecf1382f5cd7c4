//! On one thread there is nobody to take the other tasks.

use std::error;

use super::block_in_place::{Shop, total};

// ANCHOR: one_thread
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn error::Error>> {
    let order = tokio::spawn(async { total(&Shop, &["pen", "ink"]) });
    match order.await? {
        Ok(cents) => println!("total: {cents} cents"),
        Err(error) => println!("no total: {error}"),
    }
    Ok(())
}
// ANCHOR_END: one_thread
