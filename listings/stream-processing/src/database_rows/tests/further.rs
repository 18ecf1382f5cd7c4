//! Proofs of the rows that no page names: what is only passed on, and what can panic.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn each_way_gives_the_orders_of_the_customer_that_it_was_asked_for() {
    let shop = Shop::with(25, 2).await;
    shop.run("UPDATE orders SET customer = 'Bob' WHERE id % 2 = 0").await;
    for (customer, expected) in [("Ann", 13), ("Bob", 12), ("Cid", 0)] {
        let pool = || shop.pool.clone();
        assert_eq!(orders_of(&shop.pool, customer).count().await, expected);
        let paged = orders_by_page(pool(), customer.into(), TEN);
        assert_eq!(paged.count().await, expected);
        let paged = naive::orders_by_offset(pool(), customer.into(), TEN);
        assert_eq!(paged.count().await, expected);
        assert_eq!(naive::orders_of(&shop.pool, customer).count().await, expected);
        let mut count = 0;
        let each = naive::for_each_order(&shop.pool, customer, |pool, order| {
            count += 1;
            look_up(pool, order)
        });
        each.await.unwrap();
        assert_eq!(count, expected);
    }
}

#[tokio::test]
async fn the_order_is_that_of_the_ids_though_an_index_has_another() {
    let shop = Shop::with(25, 1).await;
    let reversed = "CREATE INDEX by_cents ON orders (customer, cents, id); \
                    UPDATE orders SET cents = 100 - id";
    shop.run(reversed).await;
    let unsorted = "SELECT id, customer, cents FROM orders WHERE customer = 'Ann'";
    let first: i64 = sqlx::query_scalar(unsorted).fetch_one(&shop.pool).await.unwrap();
    assert_eq!(first, 25);
    assert_eq!(ids(orders_of(&shop.pool, "Ann")).await, (1..=25).collect::<Vec<_>>());
    assert_eq!(ids(shop.by_page()).await, (1..=25).collect::<Vec<_>>());
    assert_eq!(ids(shop.by_offset()).await, (1..=25).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_has_the_size_that_was_asked_for() {
    let shop = Shop::with(10, 1).await;
    shop.run("INSERT INTO orders VALUES (-7, 'Ann', 5), (0, 'Ann', 5)").await;
    let all: Vec<_> = [-7, 0].into_iter().chain(1..=10).collect();
    for (size, first_page) in [(1, 1), (5, 5), (12, 12), (u32::MAX, 12)] {
        let size = NonZeroU32::new(size).unwrap();
        let before = shop.visited();
        let paged = orders_by_page(shop.pool.clone(), "Ann".into(), size);
        assert_eq!(ids(paged.take(1)).await, [-7]);
        assert_eq!(shop.visited() - before, first_page);
        let paged = orders_by_page(shop.pool.clone(), "Ann".into(), size);
        assert_eq!(ids(paged).await, all);
        let before = shop.visited();
        let ann = "Ann".to_owned();
        let paged = naive::orders_by_offset(shop.pool.clone(), ann, size);
        assert_eq!(ids(paged.take(1)).await, [-7]);
        assert_eq!(shop.visited() - before, first_page);
    }
}

#[tokio::test]
async fn an_order_is_stored_as_it_was_given_and_with_its_key() {
    let shop = Shop::with(0, 1).await;
    for (key, customer, cents) in [("a", "Bob", 5), ("b", "Cid", -7)] {
        assert!(order_once(&shop.pool, key, customer, cents).await.unwrap());
        assert!(!order_once(&shop.pool, key, "Eve", 1).await.unwrap());
        let mut stored = orders_of(&shop.pool, customer).boxed();
        let order = stored.next().await.unwrap().unwrap();
        assert_eq!((order.customer.as_str(), order.cents), (customer, cents));
        assert!(stored.next().await.is_none());
    }
    let keys = sqlx::query_scalar("SELECT key FROM keys ORDER BY key");
    let keys: Vec<String> = keys.fetch_all(&shop.pool).await.unwrap();
    assert_eq!(keys, ["a", "b"]);
    assert_eq!(shop.count_from_outside().await, 2);
}

#[tokio::test]
async fn an_order_whose_statements_fail_is_an_error_and_its_key_is_free() {
    let shop = Shop::with(0, 1).await;
    shop.run(
        "CREATE TRIGGER no_eve BEFORE INSERT ON orders WHEN new.customer = 'Eve' \
         BEGIN SELECT RAISE(ABORT, 'not Eve'); END; \
         CREATE TRIGGER no_x BEFORE INSERT ON keys WHEN new.key = 'x' \
         BEGIN SELECT RAISE(ABORT, 'not x'); END",
    )
    .await;
    for (key, customer, why) in [("a", "Eve", "not Eve"), ("x", "Bob", "not x")] {
        let error = order_once(&shop.pool, key, customer, 5).await.unwrap_err();
        let QueryError::Failed(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(shop.count().await, 0);
        assert_no_transaction(&shop.pool).await;
    }
    assert!(order_once(&shop.pool, "a", "Bob", 5).await.unwrap());
}

#[tokio::test]
async fn without_a_connection_in_time_an_order_and_a_transaction_say_so() {
    let shop = Shop::with(0, 1).await;
    let held = shop.pool.acquire().await.unwrap();
    let tasks = TaskTracker::new();
    tokio::time::pause();
    let start = Instant::now();
    let once = order_once(&shop.pool, "a", "Bob", 5);
    let on_task = in_transaction(&tasks, shop.pool.clone(), one_more);
    let (once, on_task) = tokio::join!(once, on_task);
    assert!(matches!(once, Err(QueryError::NoConnection)), "{once:?}");
    assert!(matches!(on_task, Err(QueryError::NoConnection)), "{on_task:?}");
    assert_eq!((start.elapsed().as_secs(), tasks.len()), (30, 0));
    drop(held);
}

#[tokio::test]
async fn where_another_one_writes_the_work_is_not_begun() {
    let shop = Shop::open(0, 2, |o| o.busy_timeout(Duration::ZERO)).await;
    let other = shop.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let tasks = TaskTracker::new();
    let work = in_transaction::<(), QueryError, _>(&tasks, shop.pool.clone(), |_| {
        panic!("not now")
    });
    let busy = work.await.unwrap_err();
    let QueryError::Failed(busy) = busy else { panic!("{busy}") };
    assert_eq!(code(&busy), "5");
    drop(other);
}

#[tokio::test]
async fn a_caller_that_leaves_while_another_one_writes_has_its_turn_after_it() {
    let shop = Shop::open(0, 2, wal_and_an_hour).await;
    let other = shop.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let tasks = TaskTracker::new();
    let mut work = in_transaction(&tasks, shop.pool.clone(), one_more).boxed();
    let begun = async {
        while tasks.is_empty() {
            assert!(after_polls(1, &mut work).await.is_none());
            tokio::task::yield_now().await;
        }
    };
    let minute = Duration::from_mins(1);
    tokio::time::timeout(minute, begun).await.expect("it waits on its task");
    drop(work);
    other.commit().await.unwrap();
    tasks.close();
    tasks.wait().await;
    assert_eq!(shop.count_from_outside().await, 1);
}

#[tokio::test]
async fn what_the_work_gives_is_told_when_it_is_committed() {
    let (shop, tasks) = (Shop::with(0, 1).await, TaskTracker::new());
    for expected in 0..3 {
        let work = in_transaction(&tasks, shop.pool.clone(), |connection| {
            async move {
                let before = read(connection).await?;
                one_more(connection).await?;
                Ok::<_, QueryError>(before)
            }
            .boxed()
        });
        assert_eq!(work.await.unwrap(), expected);
        assert_eq!(shop.count_from_outside().await, expected + 1);
    }
}

#[test]
fn outside_a_runtime_a_transaction_is_a_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let shop = runtime.unwrap().block_on(Shop::with(0, 1));
    let tasks = TaskTracker::new();
    let work = in_transaction(&tasks, shop.pool.clone(), one_more);
    let polled = AssertUnwindSafe(|| work.now_or_never());
    std::panic::catch_unwind(polled).unwrap_err();
}

#[tokio::test]
async fn a_full_disk_an_interrupt_and_a_conflict_can_end_a_transaction() {
    let large = "INSERT INTO orders (customer, cents) \
                 VALUES (hex(zeroblob(100000)), 5)";
    let small = "INSERT INTO orders (customer, cents) VALUES ('Bob', 5)";
    let conflict = "INSERT OR ROLLBACK INTO orders VALUES (1, 'Bob', 5)";
    for (insert, expected) in [(large, "13"), (small, "9"), (conflict, "1555")] {
        let shop = Shop::with(1, 1).await;
        let mut connection = shop.pool.acquire().await.unwrap();
        connection.execute("PRAGMA max_page_count = 10").await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        if expected == "9" {
            let mut handle = transaction.lock_handle().await.unwrap();
            handle.set_progress_handler(1, || false);
        }
        let error = transaction.execute(insert).await.unwrap_err();
        assert_eq!(code(&error), expected);
        let mut handle = transaction.lock_handle().await.unwrap();
        handle.remove_progress_handler();
        drop(handle);
        transaction.rollback().await.unwrap_err();
        assert!(connection.is_in_transaction(), "so sqlx says");
        connection.execute("BEGIN").await.unwrap();
    }
}

#[tokio::test]
async fn both_streams_and_both_transactions_can_be_spawned() {
    let shop = Shop::with(25, 2).await;
    let pool = shop.pool.clone();
    let one = tokio::spawn(async move { orders_of(&pool, "Ann").count().await });
    let paged = tokio::spawn(shop.by_page().count());
    assert_eq!((one.await.unwrap(), paged.await.unwrap()), (25, 25));
    let (tasks, pool) = (TaskTracker::new(), shop.pool.clone());
    let done = tokio::spawn(async move {
        order_once(&pool, "a", "Bob", 5).await?;
        in_transaction(&tasks, pool, one_more).await
    });
    done.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_that_leaves_in_the_middle_of_the_work_does_not_stop_it() {
    let (shop, tasks) = (Shop::with(0, 1).await, TaskTracker::new());
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
    let work = in_transaction(&tasks, shop.pool.clone(), move |connection| {
        async move {
            told.notify_one();
            wait.notified().await;
            one_more(connection).await
        }
        .boxed()
    });
    tokio::select! {
        _ = work => {}
        () = begun.notified() => {}
    }
    assert_eq!(tasks.len(), 1);
    go_on.notify_one();
    tasks.close();
    tasks.wait().await;
    assert_eq!(shop.count_from_outside().await, 1);
}

#[tokio::test]
async fn fetch_all_holds_every_row_and_a_stream_one() {
    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    impl FromRow<'_, SqliteRow> for Counted {
        fn from_row(_: &SqliteRow) -> sqlx::Result<Self> {
            ALIVE.fetch_add(1, Ordering::SeqCst);
            Ok(Self)
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let shop = Shop::with(10_000, 1).await;
    let query = || sqlx::query_as::<_, Counted>("SELECT * FROM orders");
    let all = query().fetch_all(&shop.pool).await.unwrap();
    assert_eq!(ALIVE.load(Ordering::SeqCst), 10_000);
    drop(all);
    let mut rows = query().fetch(&shop.pool);
    while let Some(row) = rows.next().await {
        assert_eq!(ALIVE.load(Ordering::SeqCst), 1);
        drop(row);
    }
}
