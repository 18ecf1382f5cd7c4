//! Tasks on several threads: what one task does between two awaits, another one may do at the same time.

use std::future::Future; // only edition 2021 needs this line
use std::sync::atomic::{AtomicU32, Ordering};

/// Sells one of `seats`, and calls `print` for the ticket. `false` if there is no seat.
// ANCHOR: sell
pub fn sell(seats: &AtomicU32, print: impl FnOnce()) -> bool {
    let one_less = |free: u32| free.checked_sub(1);
    if seats.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
        return false; // there was none
    }
    print();
    true
}
// ANCHOR_END: sell

/// Gives `back` seats back when the customer has confirmed it. Returns how many seats are free.
///
/// # Cancel safety
/// If you drop it while the customer is asked, no seat is given back.
// ANCHOR: give_back
pub async fn give_back(
    seats: &AtomicU32,
    back: u32,
    confirmed: impl Future<Output = ()>,
) -> u32 {
    confirmed.await;
    seats.fetch_add(back, Ordering::SeqCst) + back
}
// ANCHOR_END: give_back

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: between the load and the store, another thread may sell the same seat.
    // ANCHOR: in_two_steps
    pub fn sell(seats: &AtomicU32, print: impl FnOnce()) -> bool {
        let free = seats.load(Ordering::SeqCst);
        if free == 0 {
            return false;
        }
        print();
        seats.store(free - 1, Ordering::SeqCst);
        true
    }
    // ANCHOR_END: in_two_steps

    /// Wrong: the attribute makes it a function that starts a runtime and blocks.
    ///
    /// # Panics
    /// In async code.
    // ANCHOR: attributed
    #[tokio::main]
    pub async fn give_back(
        seats: &AtomicU32,
        back: u32,
        confirmed: impl Future<Output = ()>,
    ) -> u32 {
        confirmed.await;
        seats.fetch_add(back, Ordering::SeqCst) + back
    }
    // ANCHOR_END: attributed
}

#[cfg(test)]
mod tests;
