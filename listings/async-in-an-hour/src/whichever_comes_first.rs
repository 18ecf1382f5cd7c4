//! Whichever comes first: a question that is asked once, and one that each round asks again.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;
use std::time::Duration;

use tokio::select;
use tokio::time::sleep;

/// Asks one server, and says every 100 ms that it waits.
///
/// # Cancel safety
/// Dropping this drops the question where it waits.
pub async fn ask_and_wait<Fut: Future<Output = String>>(
    ask: impl FnOnce(&'static str, u64) -> Fut,
) -> String {
    // ANCHOR: before_the_loop
    let mut answer = pin!(ask("north", 250));
    let text = loop {
        select! {
            text = &mut answer => break text,
            () = sleep(Duration::from_millis(100)) => println!("still waiting"),
        }
    };
    println!("{text}");
    // ANCHOR_END: before_the_loop
    text
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: each round asks again, and the next `sleep` drops the question.
    pub async fn ask_and_wait<Fut: Future<Output = String>>(
        mut ask: impl FnMut(&'static str, u64) -> Fut,
    ) -> String {
        // ANCHOR: in_the_branch
        let text = loop {
            select! {
                text = ask("north", 250) => break text,
                () = sleep(Duration::from_millis(100)) => println!("still waiting"),
            }
        };
        println!("{text}");
        // ANCHOR_END: in_the_branch
        text
    }
}

#[cfg(test)]
mod tests;
