use super::one_error_type::{OpenError, open_shop};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: decide
    match open_shop("three").await {
        Ok((_settings, price)) => println!("open: tea for {price}"),
        Err(OpenError::Settings(_)) => println!("open, with the usual settings"),
        Err(OpenError::Price(_)) => println!("closed: somebody must look at the price"),
    }
    // ANCHOR_END: decide
}
