use std::time::Duration;
use tokio::select;
use tokio::time::sleep;

#[derive(Debug, thiserror::Error)]
#[error("{0} has refused the request")]
pub(crate) struct Refused(&'static str);
pub(crate) type Answer = Result<&'static str, Refused>;

pub(crate) const UP: bool = true;
pub(crate) const DOWN: bool = false;

/// At work: a request to a server. A server that is down refuses it.
pub(crate) async fn ask(name: &'static str, millis: u64, up: bool) -> Answer {
    sleep(Duration::from_millis(millis)).await;
    if up { Ok(name) } else { Err(Refused(name)) }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let first_to_finish = select! {
        answer = ask("primary", 60, UP) => answer,
        answer = ask("mirror", 30, DOWN) => answer,
    };
    println!("{first_to_finish:?}");

    let first_to_succeed = select! {
        Ok(answer) = ask("primary", 60, UP) => Some(answer),
        Ok(answer) = ask("mirror", 30, DOWN) => Some(answer),
        else => None, // both failed
    };
    println!("{first_to_succeed:?}");
}
