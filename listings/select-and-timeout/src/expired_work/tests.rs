use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use backend::alive::left_at_drops;
use backend::{Alive, ends};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

type Queue = mpsc::Sender<Job<u32, u32>>;
type Jobs = mpsc::Receiver<Job<u32, u32>>;

/// An answer is the question, and needs 97 ms: so nothing ends in the millisecond in which something else does.
async fn answer(question: u32) -> u32 {
    sleep(ms(97)).await;
    question
}

/// For ten seconds, one question in 50 ms, twice as many as the worker can answer. Each customer waits for 1 s.
/// How many had an answer.
async fn customers(queue: Queue) -> usize {
    let mut tasks = JoinSet::new();
    for n in 0..200 {
        let queue = queue.clone();
        tasks.spawn(async move {
            let answer = ask(&queue, Deadline::after(ms(1_000)), n).await;
            answer.is_ok_and(|answer| answer == n)
        });
        sleep(ms(50)).await;
    }
    drop(queue);
    tasks.join_all().await.into_iter().filter(|answered| *answered).count()
}

fn channel() -> (Queue, Jobs) {
    mpsc::channel(1_000)
}

/// A queue with these jobs: how much time each has, in milliseconds.
async fn queue_of(times: &[u64]) -> (Vec<oneshot::Receiver<u32>>, Jobs) {
    let (queue, jobs) = channel();
    let mut answers = Vec::new();
    for (question, time) in (0..).zip(times) {
        let (reply, answer) = oneshot::channel();
        let deadline = Deadline::after(ms(*time));
        queue.send(Job { deadline, question, reply }).await.unwrap();
        answers.push(answer);
    }
    (answers, jobs)
}

const fn worked(in_time: u32, too_late: u32, not_begun: u32) -> Worked {
    Worked { in_time, too_late, not_begun }
}

// What goes wrong.

#[tokio::test(start_paused = true)]
async fn a_worker_that_begins_each_job_answers_20_of_200_and_works_for_twice_as_long() {
    let (queue, mut jobs) = channel();
    let start = Instant::now();
    let work = naive::work(&mut jobs, answer);
    let (answered, done) = tokio::join!(customers(queue), work);
    assert_eq!((answered, done), (20, worked(20, 180, 0)));
    assert_eq!(start.elapsed(), ms(200 * 97));
}

#[tokio::test(start_paused = true)]
async fn to_look_only_whether_a_job_has_expired_answers_no_more() {
    for least in [0, 1, 49] {
        let (queue, mut jobs) = channel();
        let work = super::work(&mut jobs, ms(least), answer);
        let (answered, done) = tokio::join!(customers(queue), work);
        assert_eq!((answered, done), (20, worked(20, 180, 0)), "{least}");
    }
}

// A worker that looks at the time that is left.

#[tokio::test(start_paused = true)]
async fn with_the_least_time_a_worker_answers_as_many_as_it_can() {
    for least in [97, 110, 150] {
        let (queue, mut jobs) = channel();
        let start = Instant::now();
        let work = super::work(&mut jobs, ms(least), answer);
        let (answered, done) = tokio::join!(customers(queue), work);
        assert_eq!((answered, done), (112, worked(112, 0, 88)), "{least}");
        // It was never idle.
        assert_eq!(start.elapsed(), ms(112 * 97), "{least}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_with_no_more_than_the_least_time_is_not_begun() {
    let (mut answers, mut jobs) = queue_of(&[99, 100, 101]).await;
    let begun = RefCell::new(Vec::new());
    let at_once = async |question| {
        begun.borrow_mut().push(question);
        question
    };
    let done = ends(work(&mut jobs, ms(100), at_once)).await;
    assert_eq!((done, begun.into_inner()), (worked(1, 0, 2), vec![2]));
    assert!(answers.remove(0).await.is_err(), "the caller is told");
    assert!(answers.remove(0).await.is_err());
    assert_eq!(answers.remove(0).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_job_without_any_time_is_not_begun() {
    let (mut answers, mut jobs) = queue_of(&[0]).await;
    let done = ends(work(&mut jobs, ms(0), |_| pending::<u32>())).await;
    assert_eq!(done, worked(0, 0, 1));
    assert!(answers.remove(0).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_begins_is_dropped_at_its_deadline() {
    let (mut answers, mut jobs) = queue_of(&[50, 500]).await;
    let start = Instant::now();
    let alive = Alive::default();
    let alive_too = alive.clone();
    let slow = move |question| {
        let guard = alive_too.guard();
        async move {
            let answer = answer(question).await;
            drop(guard);
            answer
        }
    };
    let done = ends(work(&mut jobs, ms(0), slow)).await;
    assert_eq!((done, alive.count()), (worked(1, 1, 0), 0));
    assert!(answers.remove(0).await.is_err());
    assert_eq!((answers.remove(0).await, start.elapsed()), (Ok(1), ms(50 + 97)));
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_caller_has_gone_is_not_begun() {
    let (mut answers, mut jobs) = queue_of(&[60_000, 60_000]).await;
    drop(answers.remove(0));
    let begun = Rc::new(RefCell::new(Vec::new()));
    let at_once = async |question| {
        begun.borrow_mut().push(question);
        question
    };
    let done = ends(work(&mut jobs, ms(100), at_once)).await;
    assert_eq!((done, begun.take()), (worked(1, 0, 1), vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_begun_goes_on_though_its_caller_has_gone() {
    let (mut answers, mut jobs) = queue_of(&[60_000]).await;
    let done = RefCell::new(Vec::new());
    let slow = async |question| {
        sleep(ms(97)).await;
        done.borrow_mut().push(question);
        question
    };
    let leave = async {
        sleep(ms(50)).await;
        answers.clear();
    };
    let (report, ()) = tokio::join!(work(&mut jobs, ms(100), slow), leave);
    assert_eq!((report, done.into_inner()), (worked(1, 0, 0), vec![0]));
}

// The caller.

#[tokio::test(start_paused = true)]
async fn whoever_asks_gets_the_answer_when_it_comes() {
    let (queue, mut jobs) = channel();
    let start = Instant::now();
    let asked = async {
        let answer = ask(&queue, Deadline::after(ms(1_000)), 7).await;
        drop(queue);
        (answer, start.elapsed())
    };
    let work = work(&mut jobs, ms(100), answer);
    let (answer, done) = ends(async { tokio::join!(asked, work) }).await;
    assert_eq!((answer, done), ((Ok(7), ms(97)), worked(1, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_waits_until_the_deadline_for_a_place_and_an_answer_together() {
    let (queue, _jobs) = mpsc::channel(1);
    let start = Instant::now();
    for asked in 1..=2 {
        // The first one is in the queue, and the second one has no place there.
        let late = ends(ask::<_, u32>(&queue, Deadline::after(ms(500)), 7)).await;
        let too_late = NoAnswer::TooLate(TooLate::Dropped("the answer"));
        assert_eq!((late, start.elapsed()), (Err(too_late), asked * ms(500)));
    }
    assert_eq!(queue.capacity(), 0, "the first one is still there");
    let never = ask::<_, u32>(&queue, Deadline::after(ms(0)), 7).await;
    assert_eq!(never, Err(NoAnswer::TooLate(TooLate::NotBegun("the answer"))));
    assert_eq!(
        never.unwrap_err().to_string(),
        "the answer: no time was left, so it has not begun"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_is_told_at_once_when_the_worker_does_not_begin() {
    let (queue, mut jobs) = channel();
    let start = Instant::now();
    let asked = async {
        let refused = ask(&queue, Deadline::after(ms(99)), 7).await;
        drop(queue);
        refused
    };
    let work = work(&mut jobs, ms(100), answer);
    let (refused, done) = ends(async { tokio::join!(asked, work) }).await;
    assert_eq!((refused, done), (Err(NoAnswer::Dropped), worked(0, 0, 1)));
    assert_eq!(start.elapsed(), ms(0));

    let (queue, jobs) = channel();
    drop(jobs);
    let nobody = ends(ask(&queue, Deadline::after(ms(500)), 7)).await;
    assert_eq!(nobody, Err(NoAnswer::Dropped));
    assert_eq!(nobody.unwrap_err().to_string(), "the worker has dropped the question");
}

// Drops.

#[tokio::test(start_paused = true)]
async fn whoever_drops_the_worker_drops_its_job_and_the_others_stay() {
    let (mut answers, mut jobs) = queue_of(&[60_000; 3]).await;
    {
        let worker = work(&mut jobs, ms(100), answer);
        tokio::select! {
            _ = worker => panic!("the queue has not ended"),
            () = sleep(ms(100)) => {}
        }
    }
    assert_eq!(answers.remove(0).await, Ok(0));
    assert!(answers.remove(0).await.is_err(), "it was begun, and is dropped");
    let done = ends(work(&mut jobs, ms(100), answer)).await;
    assert_eq!((answers.remove(0).await, done), (Ok(2), worked(1, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_an_ask_leaves_no_work() {
    let left = left_at_drops(|alive| {
        let alive = alive.clone();
        async move {
            let (queue, mut jobs) = channel();
            let answer = move |question| {
                let guard = alive.guard();
                async move {
                    let answer = answer(question).await;
                    drop(guard);
                    answer
                }
            };
            let worker = work(&mut jobs, ms(0), answer);
            let asked = async {
                let answer = ask(&queue, Deadline::after(ms(500)), 7).await;
                drop(queue);
                answer
            };
            tokio::join!(asked, worker)
        }
    });
    assert_eq!(left.await, 0);

    // Dropped in the queue, it is not begun.
    let (queue, mut jobs) = channel();
    let asked =
        tokio::spawn(async move { ask(&queue, Deadline::after(ms(60_000)), 7).await });
    yield_now().await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    let done = ends(work(&mut jobs, ms(0), |_| pending::<u32>())).await;
    assert_eq!(done, worked(0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn caller_and_worker_can_be_spawned() {
    let (queue, mut jobs) = channel();
    let worker = tokio::spawn(async move { work(&mut jobs, ms(100), answer).await });
    let asked = async move { ask(&queue, Deadline::after(ms(500)), 7).await };
    assert_eq!(tokio::spawn(asked).await.unwrap(), Ok(7));
    assert_eq!(worker.await.unwrap(), worked(1, 0, 0));
}
