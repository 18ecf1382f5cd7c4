use select_and_timeout::deadline::Deadline;
use select_and_timeout::expired_work::{Job, NoAnswer, ask, work};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// At work: looks something up. This needs 97 ms.
pub(crate) async fn answer(question: u32) -> u32 {
    sleep(Duration::from_millis(97)).await;
    question + 1
}

/// 20 questions a second for ten seconds. Each customer waits for one second.
pub(crate) async fn customers(queue: mpsc::Sender<Job<u32, u32>>) -> usize {
    let mut customers = JoinSet::new();
    for question in 0..200 {
        let queue = queue.clone();
        customers.spawn(async move {
            let deadline = Deadline::after(Duration::from_secs(1));
            ask(&queue, deadline, question).await
        });
        sleep(Duration::from_millis(50)).await;
    }
    drop(queue); // so that the worker ends
    let answers: Vec<Result<u32, NoAnswer>> = customers.join_all().await;
    answers.iter().filter(|answer| answer.is_ok()).count()
}

// The clock is paused, so the program ends at once. Delete `start_paused` to wait.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (queue, mut jobs) = mpsc::channel(1_000);
    let least = Duration::from_millis(110); // with so much or less left, it skips a job
    let worker = work(&mut jobs, least, answer);
    let (answered, report) = tokio::join!(customers(queue), worker);
    println!("{answered} of 200 have an answer");
    println!("{report:?}");
}
