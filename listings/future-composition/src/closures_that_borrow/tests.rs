use super::*;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use backend::Alive;
use futures::stream;
use tokio::time::{Instant, sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An order needs 10 ms. That of 30 cents is there already.
async fn save(cents: u64) -> bool {
    sleep(ms(10)).await;
    cents != 30
}

fn orders() -> impl Stream<Item = u64> + Send {
    stream::iter([12, 30, 8, 5])
}

// The total

#[tokio::test(start_paused = true)]
async fn with_move_each_future_adds_to_a_copy() {
    assert_eq!(naive::save_all(orders(), &save).await, 0);
}

#[tokio::test(start_paused = true)]
async fn by_a_shared_reference_all_futures_add_to_one_total() {
    let start = Instant::now();
    assert_eq!(save_all(orders(), &save).await, 25);
    assert_eq!(start.elapsed(), ms(20), "two at a time");
}

#[tokio::test(start_paused = true)]
async fn results_are_added_up_by_the_loop_that_reads_them() {
    let start = Instant::now();
    assert_eq!(save_with_results(orders(), &save).await, 25);
    assert_eq!(start.elapsed(), ms(20), "two at a time");
}

#[tokio::test(start_paused = true)]
async fn a_loop_and_a_fold_add_up_one_after_another() {
    let start = Instant::now();
    assert_eq!(save_in_a_loop(orders(), &save).await, 25);
    assert_eq!(start.elapsed(), ms(40));
    assert_eq!(save_with_fold(orders(), &save).await, 25);
    assert_eq!(start.elapsed(), ms(80));
}

#[tokio::test(start_paused = true)]
async fn the_closure_itself_may_change_a_variable() {
    let start = Instant::now();
    assert_eq!(save_and_count(orders(), &save).await, 4);
    assert_eq!(start.elapsed(), ms(20), "two at a time");
}

#[tokio::test(start_paused = true)]
async fn at_most_two_orders_are_being_saved() {
    let (now, most) = (Cell::new(0), Cell::new(0));
    let counted = |cents| {
        let (now, most) = (&now, &most);
        async move {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            let saved = save(cents).await;
            now.set(now.get() - 1);
            saved
        }
    };
    save_all(orders(), &counted).await;
    assert_eq!(most.take(), 2);
    save_with_async_closure(orders(), &counted).await;
    assert_eq!(most.take(), 2);
    save_with_results(orders(), &counted).await;
    assert_eq!(most.take(), 2);
    save_and_count(orders(), &counted).await;
    assert_eq!(most.take(), 2);
    save_in_a_loop(orders(), &counted).await;
    assert_eq!(most.take(), 1);
    save_with_fold(orders(), &counted).await;
    assert_eq!(most.take(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_total_that_is_read_before_a_wait_loses_orders() {
    // 12 and 30 begin together, from a total of 0. The later of the two wins.
    let all = |_| async {
        sleep(ms(10)).await;
        true
    };
    assert_eq!(naive::save_and_set(stream::iter([12, 30]), &all).await, 30);
    assert_eq!(save_all(stream::iter([12, 30]), &all).await, 42);
}

// What the closure changes is changed before the future has done anything.

#[tokio::test(start_paused = true)]
async fn what_the_closure_counts_is_not_done_yet() {
    let begun = Cell::new(0);
    let saved = Cell::new(0);
    let saving = orders().for_each(|cents| {
        begun.set(begun.get() + 1);
        let saved = &saved;
        async move {
            save(cents).await;
            saved.set(saved.get() + 1);
        }
    });
    timeout(ms(15), saving).await.unwrap_err();
    assert_eq!((begun.get(), saved.get()), (2, 1));
}

// Async closures

#[tokio::test(start_paused = true)]
async fn an_async_closure_may_change_what_it_borrows() {
    let start = Instant::now();
    let mut total = 0;
    let act = async |cents: &u64| {
        if save(*cents).await {
            total += cents;
        }
    };
    for_each_order(&[12, 30, 8, 5], act).await;
    assert_eq!(total, 25);
    assert_eq!(start.elapsed(), ms(40), "one after another");
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_dropped_gives_back_what_it_borrowed() {
    let mut begun = 0;
    let act = async |cents: &u64| {
        begun += 1;
        save(*cents).await;
    };
    timeout(ms(15), for_each_order(&[12, 30, 8, 5], act)).await.unwrap_err();
    assert_eq!(begun, 2);
}

#[tokio::test(start_paused = true)]
async fn an_async_closure_that_only_reads_is_taken_by_each_bound() {
    let start = Instant::now();
    assert_eq!(save_with_async_closure(orders(), &save).await, 25);
    assert_eq!(start.elapsed(), ms(20), "two at a time");
    let shop = String::from("shop");
    let saving = orders().for_each(async |cents| {
        save(cents).await;
        assert_eq!(shop, "shop");
    });
    saving.await;
}

// A parameter by reference

#[tokio::test(start_paused = true)]
async fn with_a_named_lifetime_the_future_borrows_the_order() {
    let seen = RefCell::new(Vec::new());
    let orders = [12, 30];
    let saving = for_each_named(&orders, |cents| {
        let seen = &seen;
        async move {
            save(*cents).await;
            seen.borrow_mut().push(cents); // a reference into the slice
        }
    });
    saving.await;
    assert_eq!(*seen.borrow(), [&12, &30]);
}

// In tasks

#[tokio::test(start_paused = true)]
async fn each_task_has_a_share_of_the_total() {
    let start = Instant::now();
    assert_eq!(save_in_tasks(vec![12, 30, 8, 5], save).await.unwrap(), 25);
    assert_eq!(start.elapsed(), ms(10), "all at once");
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_task_is_an_error_and_ends_the_others() {
    let alive = Alive::default();
    let saving = save_in_tasks(vec![1, 2, 3], |cents| {
        let own = alive.guard();
        async move {
            let _own = own;
            sleep(ms(10 * cents)).await;
            assert_ne!(cents, 2);
            true
        }
    });
    assert!(saving.await.unwrap_err().is_panic());
    tokio::task::yield_now().await;
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropped_it_aborts_its_tasks() {
    let alive = Alive::default();
    let saving = save_in_tasks(vec![1, 2, 3], |_| {
        let own = alive.guard();
        async move {
            let _own = own;
            sleep(ms(10)).await;
            true
        }
    });
    timeout(ms(5), saving).await.unwrap_err();
    tokio::task::yield_now().await;
    assert_eq!(alive.count(), 0);
}

// Where it runs

#[tokio::test(start_paused = true)]
async fn each_of_them_can_be_spawned() {
    assert_eq!(tokio::spawn(save_all(orders(), &save)).await.unwrap(), 25);
    assert_eq!(tokio::spawn(save_in_a_loop(orders(), &save)).await.unwrap(), 25);
    assert_eq!(tokio::spawn(save_with_results(orders(), &save)).await.unwrap(), 25);
    let closure = save_with_async_closure(orders(), &save);
    assert_eq!(tokio::spawn(closure).await.unwrap(), 25);
    assert_eq!(tokio::spawn(save_with_fold(orders(), &save)).await.unwrap(), 25);
    assert_eq!(tokio::spawn(save_and_count(orders(), &save)).await.unwrap(), 4);
    assert_eq!(
        tokio::spawn(save_in_tasks(vec![12, 30], save)).await.unwrap().unwrap(),
        12
    );
    let named = for_each_named(&[12], |cents| async move {
        save(*cents).await;
    });
    tokio::spawn(named).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_async_closure_that_owns_what_it_lends_can_be_spawned() {
    let own = String::from("shop");
    let act = async move |cents: &u64| {
        save(*cents).await;
        assert_eq!(own, "shop");
    };
    tokio::spawn(for_each_order(&[12], act)).await.unwrap();
}

#[tokio::test]
async fn no_orders_cost_nothing() {
    assert_eq!(save_all(stream::empty(), &save).await, 0);
    assert_eq!(save_in_a_loop(stream::empty(), &save).await, 0);
    assert_eq!(save_with_results(stream::empty(), &save).await, 0);
    assert_eq!(save_with_async_closure(stream::empty(), &save).await, 0);
    assert_eq!(save_with_fold(stream::empty(), &save).await, 0);
    assert_eq!(save_and_count(stream::empty(), &save).await, 0);
    assert_eq!(save_in_tasks(vec![], save).await.unwrap(), 0);
}
