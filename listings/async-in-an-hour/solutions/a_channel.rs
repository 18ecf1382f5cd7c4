//! `sold_in_all` never returns. Make it return 600.

use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// A shop sells something, and sends the sum in cents.
async fn shop(number: u64, sender: mpsc::Sender<u64>) {
    sleep(Duration::from_millis(number)).await;
    if sender.send(100 * number).await.is_err() {
        println!("nobody adds up");
    }
}

/// Adds up what three shops sell. Each shop is a task with a sender.
async fn sold_in_all() -> u64 {
    let (first, mut receiver) = mpsc::channel(8);
    let senders = [first.clone(), first.clone(), first];
    for (number, sender) in (1..).zip(&senders) {
        tokio::spawn(shop(number, sender.clone()));
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
async fn three_shops_sell_600_cents() {
    let one_hour = Duration::from_hours(1);
    assert_eq!(
        timeout(one_hour, sold_in_all()).await,
        Ok(600),
        "after an hour there is no sum: which sender is still alive?"
    );
}
