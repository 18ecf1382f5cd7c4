use super::*;
use std::cell::Cell;
use tokio::time::{Instant, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A server that needs `millis`, and counts in `answers` how often it has answered.
async fn ask(server: &'static str, millis: u64, answers: &Cell<u32>) -> String {
    sleep(ms(millis)).await;
    answers.set(answers.get() + 1);
    server.to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_wins_and_the_other_never_comes() {
    let start = Instant::now();
    let (north, south) = (Cell::new(0), Cell::new(0));
    let text = select! {
        text = ask("north", 200, &north) => text,
        text = ask("south", 100, &south) => text,
    };
    assert_eq!((text.as_str(), start.elapsed()), ("south", ms(100)));
    sleep(Duration::from_hours(1)).await;
    assert_eq!((north.get(), south.get()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_question_made_before_the_loop_is_asked_once_and_answered() {
    let start = Instant::now();
    let (questions, answers) = (Cell::new(0), Cell::new(0));
    let text = ask_and_wait(|server, millis| {
        questions.set(questions.get() + 1);
        ask(server, millis, &answers)
    });
    let text = timeout(ms(9_999), text).await.unwrap();
    assert_eq!((text.as_str(), start.elapsed()), ("north", ms(250)));
    assert_eq!((questions.get(), answers.get()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_question_made_in_each_round_is_asked_100_times_and_never_answered() {
    let (questions, answers) = (Cell::new(0), Cell::new(0));
    let waiting = naive::ask_and_wait(|server, millis| {
        questions.set(questions.get() + 1);
        ask(server, millis, &answers)
    });
    timeout(ms(9_999), waiting).await.unwrap_err();
    assert_eq!((questions.get(), answers.get()), (100, 0));
}
