//! A call of an `async fn` that nobody awaits is a warning. Here, the warning is an error.
#![deny(unused_must_use)]

async fn save() {
    println!("saved");
}

async fn work() {
    save();
}

fn main() {
    drop(work());
}
