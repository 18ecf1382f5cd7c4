//! Two futures that run at the same time cannot both change one variable by `&mut`.

use tokio::join;

async fn add(total: &mut u32, order: u32) {
    *total += order;
}

async fn total() -> u32 {
    let mut total = 0;
    join!(add(&mut total, 1), add(&mut total, 2));
    total
}

fn main() {
    drop(total());
}
