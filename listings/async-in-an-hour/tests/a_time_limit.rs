//! What a limit gives, and what it leaves.

use std::num::ParseIntError;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// At work: asks a server for a number, which may be none.
async fn number(text: &'static str) -> Result<u32, ParseIntError> {
    sleep(ms(100)).await;
    text.parse()
}

#[tokio::test(start_paused = true)]
async fn the_two_errors_of_a_limit_need_two_question_marks() {
    async fn doubled(
        text: &'static str,
        limit: Duration,
    ) -> Result<u32, Box<dyn std::error::Error>> {
        Ok(timeout(limit, number(text)).await?? * 2)
    }
    assert_eq!(doubled("21", ms(150)).await.unwrap(), 42);
    assert!(doubled("many", ms(150)).await.unwrap_err().is::<ParseIntError>());
    assert!(doubled("21", ms(50)).await.unwrap_err().is::<Elapsed>());
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_timeout_borrows_can_be_awaited_again() {
    let start = Instant::now();
    let mut task = tokio::spawn(number("21"));
    timeout(ms(50), &mut task).await.unwrap_err();
    assert_eq!(task.await.unwrap(), Ok(21));
    assert_eq!(start.elapsed(), ms(100), "the task has lost no time");
}
