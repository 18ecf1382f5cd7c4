use super::*;

#[test]
fn a_guard_counts_until_it_is_dropped() {
    let alive = Alive::default();
    let guard = alive.guard();
    assert_eq!((alive.count(), alive.dropped()), (1, 0));
    drop(guard);
    assert_eq!((alive.count(), alive.dropped()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_a_drop_is_counted_and_must_be_gone_soon() {
    let in_a_set = |alive: &Alive| {
        let guard = alive.guard();
        async move {
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async move {
                let _guard = guard;
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            });
            tasks.join_next().await;
        }
    };
    assert_eq!(left_at_drops(in_a_set).await, 1);
    let by_itself = |alive: &Alive| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    assert_eq!(left_at_drops(by_itself).await, 0);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "after 1 polls")]
async fn what_is_left_for_good_is_told() {
    left_at_drops(|alive| {
        let guard = alive.guard();
        async move {
            tokio::spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    })
    .await;
}
