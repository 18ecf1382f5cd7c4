//! `async gen` is not stable.

use std::pin::pin;

fn main() {
    // ANCHOR: async_generator
    let numbers = pin!(async gen {
        for n in 0..3 {
            yield n;
        }
    });
    // ANCHOR_END: async_generator
    drop(numbers);
}
