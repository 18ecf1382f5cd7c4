//! `wait_for_report` never returns. Make it return the report after 250 ms.

use std::pin::pin;
use std::time::Duration;
use tokio::select;
use tokio::time::{sleep, timeout};

/// At work: a server writes a report. It needs 250 ms.
async fn report() -> &'static str {
    sleep(Duration::from_millis(250)).await;
    "12 pages"
}

/// Waits for one report. Returns it, and how many times 100 ms have passed meanwhile.
async fn wait_for_report() -> (&'static str, u32) {
    let mut waited = 0;
    let mut report = pin!(report());
    loop {
        select! {
            text = &mut report => return (text, waited),
            () = sleep(Duration::from_millis(100)) => waited += 1,
        }
    }
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn the_report_is_there_after_two_rounds() {
    let ten_seconds = Duration::from_secs(10);
    assert_eq!(
        timeout(ten_seconds, wait_for_report()).await,
        Ok(("12 pages", 2)),
        "there is no report after 10 s: does each round begin a new one?"
    );
}
