use super::*;

#[tokio::test(start_paused = true)]
async fn the_words_of_a_panic_are_told_with_and_without_arguments() {
    assert_eq!(words(&*panic_of(async { panic!("tea") }).await), "tea");
    let number = 7;
    assert_eq!(words(&*panic_of(async { panic!("tea {number}") }).await), "tea 7");
}

#[tokio::test(start_paused = true)]
#[should_panic = "it panics: 7"]
async fn what_does_not_panic_is_a_panic() {
    panic_of(async { 7 }).await;
}

#[test]
fn work_that_is_not_async_has_words_too() {
    assert_eq!(words_of(|| panic!("tea")), "tea");
}

#[test]
#[should_panic = "it panics"]
fn work_that_does_not_panic_is_a_panic() {
    words_of(|| 7);
}
