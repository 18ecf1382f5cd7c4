use async_await::ask_it_to_stop::checksum;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), JoinError> {
    let stop = CancellationToken::new();
    // ANCHOR: checksum
    let token = stop.clone();
    let chunks = vec![vec![1; 1000]; 8]; // at work: read from a file
    let sum = tokio::task::spawn_blocking(move || checksum(&token, chunks));
    println!("{:?}", sum.await?);
    // ANCHOR_END: checksum
    Ok(())
}
