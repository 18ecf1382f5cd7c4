use future_composition::race_a_list::first_to_succeed;
use std::time::Duration;
use tokio::time::sleep;

#[derive(Debug, thiserror::Error)]
#[error("{0} has refused the request")]
pub(crate) struct Refused(&'static str);

pub(crate) const UP: bool = true;
pub(crate) const DOWN: bool = false;

/// At work: a request to a server. A server that is down refuses it.
pub(crate) async fn ask(
    name: &'static str,
    millis: u64,
    up: bool,
) -> Result<&'static str, Refused> {
    sleep(Duration::from_millis(millis)).await;
    if up { Ok(name) } else { Err(Refused(name)) }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let requests =
        [ask("north", 10, DOWN), ask("south", 60, UP), ask("west", 20, DOWN)];
    println!("{:?}", first_to_succeed(requests).await);

    let requests = [ask("north", 20, DOWN), ask("west", 10, DOWN)];
    println!("{:?}", first_to_succeed(requests).await);
}
