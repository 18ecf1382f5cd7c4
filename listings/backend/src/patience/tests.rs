use std::future::pending;

use super::*;

#[tokio::test(start_paused = true)]
async fn what_ends_gives_its_output() {
    let hours = tokio::time::sleep(Duration::from_hours(23));
    ends(hours).await;
    assert_eq!(ends(async { 7 }).await, 7);
    assert_eq!(soon(async { 7 }).await, 7);
}

#[tokio::test(start_paused = true)]
#[should_panic = "it ends within a day of its clock"]
async fn what_never_ends_is_a_panic() {
    ends(pending::<()>()).await;
}

#[tokio::test(start_paused = true)]
#[should_panic = "it ends within a minute"]
async fn what_does_not_end_soon_is_a_panic() {
    soon(pending::<()>()).await;
}

#[test]
fn a_task_and_a_thread_give_what_they_return() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    assert_eq!(in_a_task(&runtime.unwrap(), async { 7 }), 7);
    assert_eq!(on_a_thread(|| 7), 7);
}

#[test]
#[should_panic = "the words of the work"]
fn a_panic_on_the_thread_is_a_panic_with_its_words() {
    on_a_thread(|| panic!("the words of the work"));
}
