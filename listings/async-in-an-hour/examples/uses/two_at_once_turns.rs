use std::time::Duration;
use tokio::join;
use tokio::time::sleep;

// ANCHOR: turns
async fn count(name: &str, pause: Duration) {
    for number in 1..=3 {
        println!("{name} {number}");
        sleep(pause).await; // here the other one gets its turn
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let north = count("north", Duration::from_millis(30));
    let south = count("south", Duration::from_millis(100));
    join!(north, south);
}
// ANCHOR_END: turns
