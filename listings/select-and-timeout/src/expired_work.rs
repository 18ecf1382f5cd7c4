//! A worker that does not begin what nobody waits for any more.

use std::future::Future; // only edition 2021 needs this line
use std::time::Duration;

use select_and_timeout::deadline::{Deadline, TooLate};
use tokio::sync::{mpsc, oneshot};

// ANCHOR: job
/// A question in the queue of a worker.
#[derive(Debug)]
pub struct Job<Q, A> {
    /// Until when somebody waits for the answer.
    pub deadline: Deadline,
    /// What is asked.
    pub question: Q,
    /// Where the answer goes.
    pub reply: oneshot::Sender<A>,
}
// ANCHOR_END: job

// ANCHOR: ask
/// Asks the worker behind `queue`, and waits for its answer until `deadline`.
///
/// # Errors
/// The time was up, or the worker has dropped the question.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the question stays in the queue, if it is there. A worker that has
/// not begun with it skips it.
pub async fn ask<Q, A>(
    queue: &mpsc::Sender<Job<Q, A>>,
    deadline: Deadline,
    question: Q,
) -> Result<A, NoAnswer> {
    let (reply, answer) = oneshot::channel();
    let job = Job { deadline, question, reply };
    let asked = async {
        queue.send(job).await.ok()?; // the worker has ended
        answer.await.ok() // the worker has skipped the job, or ended
    };
    deadline.run("the answer", asked).await?.ok_or(NoAnswer::Dropped)
}
// ANCHOR_END: ask

// ANCHOR: no_answer
/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoAnswer {
    /// The deadline came first.
    #[error(transparent)]
    TooLate(#[from] TooLate),
    /// The worker has skipped the question, because too little time was left; or the
    /// worker has ended.
    #[error("the worker has dropped the question")]
    Dropped,
}
// ANCHOR_END: no_answer

// ANCHOR: worked
/// What a worker has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Worked {
    /// Jobs whose answer was there in time.
    pub in_time: u32,
    /// Jobs that were begun, and were stopped at their deadline.
    pub too_late: u32,
    /// Jobs that were skipped.
    pub not_begun: u32,
}
// ANCHOR_END: worked

// ANCHOR: work
/// Answers one job after the other, until the queue ends. A job with no more than
/// `least` left, or whose caller has gone, is skipped.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the job that it works on is dropped. The others are in the queue.
pub async fn work<Q, A, F: Future<Output = A>>(
    queue: &mut mpsc::Receiver<Job<Q, A>>,
    least: Duration,
    mut answer: impl FnMut(Q) -> F,
) -> Worked {
    let mut worked = Worked::default();
    while let Some(job) = queue.recv().await {
        // ANCHOR: least
        if job.reply.is_closed() || job.deadline.left() <= least {
            worked.not_begun += 1;
            continue; // skips the job: this drops `reply`, so the caller gets an error
        }
        match job.deadline.run("the answer", answer(job.question)).await {
            Ok(answer) => {
                worked.in_time += 1;
                let _ = job.reply.send(answer); // the caller may just have gone
            }
            Err(_too_late) => worked.too_late += 1,
        }
        // ANCHOR_END: least
    }
    worked
}
// ANCHOR_END: work

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: it works on jobs that nobody waits for, while the others become too late.
    pub async fn work<Q, A, F: Future<Output = A>>(
        queue: &mut mpsc::Receiver<Job<Q, A>>,
        mut answer: impl FnMut(Q) -> F,
    ) -> Worked {
        let mut worked = Worked::default();
        while let Some(job) = queue.recv().await {
            // ANCHOR: each
            let answer = answer(job.question).await;
            match job.reply.send(answer) {
                Ok(()) => worked.in_time += 1,
                Err(_nobody_waits) => worked.too_late += 1,
            }
            // ANCHOR_END: each
        }
        worked
    }
}

#[cfg(test)]
mod tests;
