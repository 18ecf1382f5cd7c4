use super::first_of_two::price;
use super::shown::first_of_two::{answer, first_of_two};
use std::error::Error;
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let (sender, mut farm) = mpsc::channel(1);
    let slower = tokio::spawn(answer(price(200, 310), sender));
    let (sender, mut market) = mpsc::channel(1);
    tokio::spawn(answer(price(100, 295), sender));
    // ANCHOR: again
    for _ in 1..=3 {
        println!("{:?}", first_of_two(&mut farm, &mut market).await);
    }
    println!("{:?}", slower.await?);
    // ANCHOR_END: again
    Ok(())
}
