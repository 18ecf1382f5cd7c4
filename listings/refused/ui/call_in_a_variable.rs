//! A future in a variable that nobody uses: the warning is about the variable. Here, both warnings would be errors.
#![deny(unused_must_use, unused_variables)]

async fn price() -> u32 {
    3
}

async fn work() {
    let tea = price();
}

fn main() {
    drop(work());
}
