use tokio::task::yield_now;

use super::*;

#[tokio::test]
async fn each_poll_counts() {
    let three = async {
        yield_now().await;
        yield_now().await;
        'x'
    };
    assert_eq!(polls(three).await, ('x', 3));
}

#[tokio::test]
#[should_panic = "it spins"]
async fn what_spins_is_a_panic() {
    let spins = async {
        loop {
            yield_now().await;
        }
    };
    let ((), _) = polls(spins).await;
}

#[tokio::test]
async fn what_lets_others_run_is_polled_twice() {
    assert_eq!(polls(let_others_run()).await, ((), 2));
    let mut calls = 0;
    polled_twice(|| calls += 1).await;
    assert_eq!(calls, 1);
}
