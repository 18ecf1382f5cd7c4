use select_and_timeout::without_waiting::either_now;
use std::error::Error;
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: two
    let (express, mut urgent) = mpsc::channel(16);
    let (post, mut normal) = mpsc::channel(16);
    post.send("milk").await?;
    post.send("bread").await?;
    express.send("tea").await?;
    while let Some(order) = either_now(&mut urgent, &mut normal).await {
        println!("{order}");
    }
    println!("nothing there now");
    Ok(())
    // ANCHOR_END: two
}
