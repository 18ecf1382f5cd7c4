//! The closure of `and_then` owns what the first step returned, and is gone before the second runs.

use std::future::Future;

use futures::future::TryFutureExt;

struct Profile;
struct Missing;

async fn profile() -> Result<Profile, Missing> {
    Ok(Profile)
}

async fn posts(_of: &Profile) -> Result<Vec<String>, Missing> {
    Ok(Vec::new())
}

fn page() -> impl Future<Output = Result<Vec<String>, Missing>> {
    // ANCHOR: borrowed_by_the_next_step
    profile().and_then(|profile| posts(&profile))
    // ANCHOR_END: borrowed_by_the_next_step
}

fn main() {
    drop(page());
}
