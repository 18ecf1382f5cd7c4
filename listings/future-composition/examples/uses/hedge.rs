use std::pin::pin;
use std::time::Duration;
use tokio::select;
use tokio::time::{Instant, sleep, timeout};

#[derive(Debug, thiserror::Error)]
#[error("{0} has refused the request")]
pub(crate) struct Refused(&'static str);

/// At work: a request to a server. A server that is down refuses it.
pub(crate) async fn ask(
    name: &'static str,
    millis: u64,
    up: bool,
) -> Result<&'static str, Refused> {
    sleep(Duration::from_millis(millis)).await;
    if up { Ok(name) } else { Err(Refused(name)) }
}

/// Asks the mirror too, if the primary has no answer after `patience`.
async fn lookup(patience: Duration) -> Option<&'static str> {
    let mut primary = pin!(ask("primary", 90, true));
    if let Ok(answer) = timeout(patience, &mut primary).await {
        return answer.ok(); // in time
    }
    select! {
        Ok(answer) = &mut primary => Some(answer), // goes on where it was
        Ok(answer) = ask("mirror", 20, true) => Some(answer),
        else => None, // both failed
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let answer = lookup(Duration::from_millis(50)).await;
    println!("{answer:?} after {:?}", start.elapsed());
}
