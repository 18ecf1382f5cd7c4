use runtime_comparison::what_cores_share::{add_once, naive::add_each};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, sync::Arc};
use tokio::task::JoinSet;

/// Eight tasks count the bytes of 1,000 files each.
async fn total(once: bool) -> Result<u64, Box<dyn Error>> {
    let total = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _task in 0..8 {
        let total = total.clone();
        tasks.spawn(async move {
            let sizes = [512; 1_000];
            let add = |bytes| {
                total.fetch_add(bytes, Ordering::Relaxed);
            };
            if once { add_once(&sizes, add) } else { add_each(&sizes, add) }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(total.load(Ordering::Relaxed))
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    println!("8,000 writes: {} bytes", total(false).await?);
    println!("8 writes: {} bytes", total(true).await?);
    Ok(())
}
