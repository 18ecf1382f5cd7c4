use allocation_counter::measure;
use std::io;
use tokio::runtime::Builder;

/// Your task.
async fn work() {
    tokio::task::yield_now().await;
}

/// Spawns one task after the other, and waits for each.
async fn one_by_one(tasks: u64) {
    for _ in 0..tasks {
        tokio::spawn(work()).await.ok();
    }
}

pub(crate) fn main() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let count = |tasks| measure(|| runtime.block_on(one_by_one(tasks)));

    let (few, many) = (count(1000), count(3000));
    let allocations = many.count_total - few.count_total;
    let bytes = many.bytes_total - few.bytes_total;
    println!("allocations of a task: {}", allocations / 2000);
    println!("bytes of a task: {}", bytes / 2000);
    Ok(())
}
