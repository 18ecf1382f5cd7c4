use async_await::future_size::count;

/// In your program: asks a database for the answers to a comment.
async fn load(comment: u32) -> Vec<u32> {
    // Each comment has one answer, up to comment 100,000.
    if comment < 100_000 { vec![comment + 1] } else { vec![] }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    println!("{} comments", count(1, load).await);
}
