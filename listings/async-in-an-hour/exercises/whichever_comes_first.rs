//! `wait_for_report` counts nothing. Make it count while it waits.

use std::time::Duration;
use tokio::time::{sleep, timeout};

/// At work: a server writes a report. It needs 250 ms.
async fn report() -> &'static str {
    sleep(Duration::from_millis(250)).await;
    "12 pages"
}

/// Waits for one report. Returns it, and how many times 100 ms have passed meanwhile.
async fn wait_for_report() -> (&'static str, u32) {
    let count = 0;
    let text = report().await;
    (text, count)
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn the_report_is_there_after_two_times_100_ms() {
    let ten_seconds = Duration::from_secs(10);
    let result = timeout(ten_seconds, wait_for_report()).await;
    let result = result.expect("a report in 10 s: does each round begin a new one?");
    assert_eq!(result, ("12 pages", 2), "100 ms pass two times before the report");
}
