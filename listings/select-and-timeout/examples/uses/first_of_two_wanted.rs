use super::first_of_two::price;
use super::shown::first_of_two::{answer, first_of_two};
use select_and_timeout::first_of_two::answer_while_wanted;
use std::error::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: wanted
    let start = Instant::now();
    let (sender, mut farm) = mpsc::channel(1);
    let slower = tokio::spawn(answer_while_wanted(price(200, 310), sender));
    let (sender, mut market) = mpsc::channel(1);
    tokio::spawn(answer(price(100, 295), sender));

    println!("{:?}", first_of_two(&mut farm, &mut market).await);
    drop((farm, market)); // nobody reads the second price
    if !slower.await? {
        println!("the farm stopped after {:?}", start.elapsed());
    }
    // ANCHOR_END: wanted
    Ok(())
}
