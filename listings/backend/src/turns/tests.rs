use super::*;

#[tokio::test]
async fn each_pause_of_the_work_is_a_turn() {
    let done = Done::default();
    let work = async {
        for _ in 0..3 {
            done.one();
            yield_now().await;
        }
        done.one();
        "output"
    };
    assert_eq!(turns_beside(&done, work).await, ("output", vec![1, 2, 3]));
    assert_eq!(done.count(), 4);
}

#[tokio::test]
async fn work_that_never_waits_is_beside_nobody() {
    let done = Done::default();
    let work = async { done.one() };
    assert_eq!(turns_beside(&done, work).await, ((), Vec::new()));
}

#[tokio::test]
async fn a_word_comes_when_its_task_has_a_turn() {
    let heard = a_word_from_another_task();
    assert!(heard.try_recv().is_err());
    yield_now().await;
    assert_eq!(heard.try_recv(), Ok("I ran"));
}
