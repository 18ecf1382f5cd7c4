use std::error::Error;

use super::runtime_by_hand::price;
use super::shown::runtime_by_hand::run;

// ANCHOR: main
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    run(|spawner| async move {
        let north = spawner.spawn(price("North", 120));
        let south = spawner.spawn(price("South", 95));
        println!("both are spawned");
        println!("North wants {} euros", north.await??);
        println!("South wants {} euros", south.await??);
        Ok(())
    })
}
// ANCHOR_END: main
