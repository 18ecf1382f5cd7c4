use super::transform_and_chain::{NotFound, fetch};
use futures::future::{FutureExt, TryFutureExt};

// ANCHOR: methods
#[derive(Debug, thiserror::Error)]
#[error("the profile cannot be read")]
struct NoProfile(#[source] NotFound);

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // The success alone:
    println!("{:?}", fetch("/friends").map_ok(|name| name.to_uppercase()).await);

    // The error alone:
    println!("{:?}", fetch("/nobody").map_err(NoProfile).await);

    // One more call after a success:
    let posts = fetch("/ada").and_then(|place| async move { fetch(&place).await });
    println!("{:?}", posts.await);

    // Another call after an error:
    println!("{:?}", fetch("/nobody").or_else(|_error| fetch("/friends")).await);

    // The whole output, a success or an error:
    println!("{:?}", fetch("/nobody").map(|outcome| outcome.is_ok()).await);
}
// ANCHOR_END: methods
