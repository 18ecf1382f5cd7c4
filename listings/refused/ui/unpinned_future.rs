//! A future that may not move: `select!` takes it by a borrow only if it is pinned.

use tokio::select;

async fn ask() -> u32 {
    7
}

async fn wait() -> u32 {
    let mut answer = ask();
    select! {
        number = &mut answer => number,
    }
}

fn main() {
    drop(wait());
}
