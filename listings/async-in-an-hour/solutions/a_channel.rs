//! `sold_in_all` never returns. Make it return 600.

use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// Adds up what three tills sell. Each till is a task with a sender.
async fn sold_in_all() -> u64 {
    let (sender, mut receiver) = mpsc::channel(8);
    let senders = [sender.clone(), sender.clone(), sender];
    for (till, of_shop) in (1..).zip(&senders) {
        let of_till = of_shop.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(till)).await;
            of_till.send(100 * till).await.expect("somebody adds up");
        });
    }
    drop(senders);
    let mut sum = 0;
    while let Some(cents) = receiver.recv().await {
        sum += cents;
    }
    sum
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn three_tills_sell_600_cents() {
    let one_hour = Duration::from_secs(3_600);
    assert_eq!(
        timeout(one_hour, sold_in_all()).await,
        Ok(600),
        "after an hour there is no sum: which sender is still alive?"
    );
}
