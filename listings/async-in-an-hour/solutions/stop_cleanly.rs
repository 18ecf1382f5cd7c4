//! `copy_files` stops in the middle of a file. Make it stop after the file.

use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

async fn copy_file(log: &mut Vec<&'static str>) {
    log.push("begun");
    sleep(Duration::from_millis(40)).await;
    log.push("copied");
}

/// Copies one file after another, until somebody cancels `stop`. Returns what it did.
async fn copy_files(stop: CancellationToken) -> Vec<&'static str> {
    let mut log = Vec::new();
    while !stop.is_cancelled() {
        copy_file(&mut log).await;
    }
    log
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn the_second_file_is_copied_to_its_end() {
    let stop = CancellationToken::new();
    let task = tokio::spawn(copy_files(stop.clone()));
    sleep(Duration::from_millis(60)).await;
    stop.cancel();
    let ended = timeout(Duration::from_secs(1), task).await;
    let log = ended.expect("the task stops").expect("the task does not panic");
    let two_files = ["begun", "copied", "begun", "copied"];
    assert_eq!(log, two_files, "the file that was begun must be copied to its end");
}
