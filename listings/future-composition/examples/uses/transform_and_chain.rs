use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio::try_join;

#[derive(Debug, thiserror::Error)]
#[error("there is nothing at {0}")]
pub(crate) struct NotFound(String);

/// At work: asks a server, which needs 100 ms.
pub(crate) async fn fetch(path: &str) -> Result<String, NotFound> {
    sleep(Duration::from_millis(100)).await;
    match path {
        "/ada" => Ok("/posts/7".into()), // the profile: it says where the posts are
        "/posts/7" => Ok("hello".into()),
        "/friends" => Ok("Bob".into()),
        _ => Err(NotFound(path.into())),
    }
}

/// Two calls: the second one needs the answer of the first one.
async fn posts(user: &str) -> Result<String, NotFound> {
    let place = fetch(user).await?; // an error ends it here
    fetch(&place).await
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    for user in ["/ada", "/nobody"] {
        let start = Instant::now();
        let page = try_join!(posts(user), fetch("/friends"));
        println!("{page:?} after {:?}", start.elapsed());
    }
}
