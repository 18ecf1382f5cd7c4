use std::io;

use super::across_the_border::price;
use super::shown::across_the_border::{enter, runtime_to_enter};

// ANCHOR: main
pub(crate) fn main() -> io::Result<()> {
    let runtime = runtime_to_enter()?; // drop it when nothing needs it any more
    smol::block_on(async {
        let tea = enter(runtime.handle(), price("tea")).await;
        println!("tea costs {tea} euros");
    });
    Ok(())
}
// ANCHOR_END: main
