use super::bulkhead::ask;
use policy::bulkhead::{Bulkhead, Limits, Refused};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Refused> {
    let calls = const { NonZeroUsize::new(2).unwrap() };
    let limits = Limits { calls, queue: 1, longest_wait: Duration::from_millis(100) };
    // ANCHOR: permit
    let reviews = Bulkhead::new(limits);
    let permit = reviews.acquire().await?;
    let task = tokio::spawn(async move {
        let _permit = permit; // the task has it now
        ask(30_000).await
    });
    println!("{} call runs, {} wait", reviews.running(), reviews.waiting());
    task.abort(); // drops the future of the task, and with it the permit
    sleep(Duration::from_millis(1)).await;
    println!("{} calls run", reviews.running());
    // ANCHOR_END: permit
    Ok(())
}
