//! A boxed error cannot leave its task, if its type does not say `Send`.

use std::error::Error;

// ANCHOR: boxed
async fn count() -> Result<u32, Box<dyn Error>> {
    Ok("three".parse()?)
}

fn main() {
    tokio::spawn(count());
}
// ANCHOR_END: boxed
