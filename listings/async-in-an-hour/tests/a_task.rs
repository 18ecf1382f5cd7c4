//! When a task begins, and what its handle gives.

use std::num::ParseIntError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::sleep;

#[tokio::test]
async fn on_one_thread_a_task_begins_when_its_parent_waits() {
    let begun = Arc::new(AtomicBool::new(false));
    let in_task = Arc::clone(&begun);
    let task = tokio::spawn(async move { in_task.store(true, Ordering::SeqCst) });
    assert!(!begun.load(Ordering::SeqCst), "the parent has not waited yet");
    yield_now().await;
    assert!(begun.load(Ordering::SeqCst));
    task.await.unwrap();
}

#[tokio::test]
async fn while_a_task_does_not_wait_no_other_task_of_its_thread_runs() {
    let begun = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&begun);
    let first = tokio::spawn(async move {
        let while_it_computes = (0..1_000).any(|_| seen.load(Ordering::SeqCst));
        yield_now().await;
        (while_it_computes, seen.load(Ordering::SeqCst))
    });
    let second = tokio::spawn(async move { begun.store(true, Ordering::SeqCst) });
    assert_eq!(first.await.unwrap(), (false, true));
    second.await.unwrap();
}

/// At work: asks a server for a number, which may be none.
async fn number(text: &'static str) -> Result<u32, ParseIntError> {
    sleep(Duration::from_millis(100)).await;
    text.parse()
}

#[tokio::test(start_paused = true)]
async fn the_two_errors_of_a_task_need_two_question_marks() {
    async fn doubled(text: &'static str) -> Result<u32, Box<dyn std::error::Error>> {
        Ok(tokio::spawn(number(text)).await?? * 2)
    }
    assert_eq!(doubled("21").await.unwrap(), 42);
    assert!(doubled("many").await.unwrap_err().is::<ParseIntError>());
}
