use super::transform_and_chain::{NotFound, fetch};

// ANCHOR: borrow
/// The second call borrows the answer of the first one, and the caller gets both.
async fn posts_and_place(user: &str) -> Result<(String, String), NotFound> {
    let place = fetch(user).await?;
    let posts = fetch(&place).await?;
    Ok((place, posts))
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    println!("{:?}", posts_and_place("/ada").await);
}
// ANCHOR_END: borrow
