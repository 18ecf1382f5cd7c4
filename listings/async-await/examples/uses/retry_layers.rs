use async_await::retry_layers::{BankError, order, pay};
use policy::Retry;
use rand::rngs::SmallRng;
use std::cell::Cell;
use std::error::Error;
use std::future::ready;

/// The waits are drawn by chance, so that not all callers come back together.
pub(crate) fn rng() -> SmallRng {
    rand::make_rng()
}

pub(crate) fn print_causes(error: &dyn Error) {
    println!("- {error}");
    if let Some(cause) = error.source() {
        print_causes(cause);
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let retry = Retry::default(); // three attempts
    let calls = Cell::new(0);
    // At work: a request to the bank. It is down.
    let ask_bank = || {
        calls.set(calls.get() + 1);
        ready(Err::<(), _>(BankError::Down))
    };
    let save = || async {
        pay(&retry, &mut rng(), ask_bank).await?;
        Ok(()) // At work: writes the order.
    };
    let saved = order(&retry, &mut rng(), save).await;
    println!("{} calls of the bank", calls.get());
    if let Err(error) = saved {
        print_causes(&error);
    }
}
