use super::*;
use backend::cancel::after_polls;
use futures::future::{pending, try_join_all};
use futures::{FutureExt, StreamExt};
use sqlx::sqlite::SqliteSynchronous::Off;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Acquire, AssertSqlSafe, Executor, QueryBuilder};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{Barrier, Notify, watch};
use tokio::time::Instant;

const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// A database in a folder of its own.
struct Shop {
    pool: SqlitePool,
    options: SqliteConnectOptions,
    /// How often the database compared a customer: once for each row it visited.
    visited: watch::Receiver<usize>,
    _folder: TempDir,
}

impl Shop {
    /// `rows` orders of Ann, with the ids 1, 2, … and 100 cents each.
    async fn with(rows: i64, connections: u32) -> Self {
        Self::open(rows, connections, |options| options).await
    }

    async fn open(
        rows: i64,
        connections: u32,
        set: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (count, visited) = watch::channel(0);
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shop.db"))
            .create_if_missing(true)
            .synchronous(Off)
            .collation("counted", move |a, b| {
                count.send_modify(|count| *count += 1);
                a.cmp(b)
            });
        let options = set(options);
        let pool = SqlitePoolOptions::new().max_connections(connections);
        let pool = pool.connect_with(options.clone()).await.unwrap();
        let tables = "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, \
                      customer TEXT COLLATE counted, cents); \
                      CREATE TABLE keys (key TEXT PRIMARY KEY)";
        pool.execute(tables).await.unwrap();
        let fill = "WITH RECURSIVE n(n) AS \
                    (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?) \
                    INSERT INTO orders SELECT n, 'Ann', 100 FROM n WHERE n <= ?";
        let fill = sqlx::query(fill).bind(rows.max(1)).bind(rows);
        fill.execute(&pool).await.unwrap();
        Self { pool, options, visited, _folder: folder }
    }

    async fn run(&self, sql: &'static str) {
        self.pool.execute(sql).await.unwrap();
    }

    async fn count(&self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM orders");
        count.fetch_one(&self.pool).await.unwrap()
    }

    /// What another process would see.
    async fn count_from_outside(&self) -> i64 {
        let pool = SqlitePool::connect_with(self.options.clone()).await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM orders");
        count.fetch_one(&pool).await.unwrap()
    }

    fn visited(&self) -> usize {
        *self.visited.borrow()
    }

    fn by_page(&self) -> impl Stream<Item = Result<Order, QueryError>> + Send + use<> {
        orders_by_page(self.pool.clone(), "Ann".into(), TEN)
    }

    fn by_offset(
        &self,
    ) -> impl Stream<Item = Result<Order, QueryError>> + Send + use<> {
        naive::orders_by_offset(self.pool.clone(), "Ann".into(), TEN)
    }
}

fn one_more(
    connection: &mut SqliteConnection,
) -> BoxFuture<'_, Result<(), QueryError>> {
    let insert = "INSERT INTO orders (customer, cents) VALUES ('Bob', 5)";
    async move {
        connection.execute(insert).await?;
        Ok(())
    }
    .boxed()
}

async fn ids(orders: impl Stream<Item = Result<Order, QueryError>>) -> Vec<i64> {
    orders.map(|order| order.unwrap().id).collect().await
}

fn ids_or_errors(all: &[Result<Order, QueryError>]) -> Vec<Option<i64>> {
    all.iter().map(|order| order.as_ref().ok().map(|order| order.id)).collect()
}

// One query.

#[tokio::test]
async fn the_bound_parameter_is_honoured() {
    let shop = Shop::with(3, 1).await;
    shop.run("UPDATE orders SET customer = 'Bob' WHERE id = 2").await;
    assert_eq!(ids(orders_of(&shop.pool, "Ann")).await, [1, 3]);
    let bobs: Vec<_> = orders_of(&shop.pool, "Bob").try_collect().await.unwrap();
    assert_eq!(bobs, [Order { id: 2, customer: "Bob".into(), cents: 100 }]);
}

#[tokio::test]
async fn pasted_into_the_query_a_customer_gets_the_orders_of_all() {
    let shop = Shop::with(25, 1).await;
    let customer = "' OR 1 = 1 --";
    assert_eq!(naive::orders_of(&shop.pool, customer).count().await, 25);
    assert_eq!(orders_of(&shop.pool, customer).count().await, 0);
    let error = naive::orders_of(&shop.pool, "O'Neill").next().await;
    assert!(matches!(error, Some(Err(QueryError::Failed(_)))), "{error:?}");
}

#[tokio::test]
async fn a_query_builder_pastes_what_is_pushed_and_binds_what_is_push_bound() {
    let shop = Shop::with(25, 1).await;
    let customer = "' OR 1 = 1 --";
    let select = "SELECT * FROM orders WHERE customer = ";
    let mut pushed = QueryBuilder::new(select);
    pushed.push(format_args!("'{customer}'"));
    assert_eq!(pushed.build().fetch_all(&shop.pool).await.unwrap().len(), 25);
    let mut bound = QueryBuilder::new(select);
    bound.push_bind(customer);
    assert_eq!(bound.build().fetch_all(&shop.pool).await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_error_of_the_database_comes_after_the_rows_before_it_and_is_the_end() {
    let shop = Shop::with(5, 1).await;
    shop.run(
        "ALTER TABLE orders RENAME TO stored; CREATE VIEW orders AS \
         SELECT id, customer, \
         iif(id = 3, abs(-9223372036854775808), cents) AS cents FROM stored",
    )
    .await;
    let all: Vec<_> = orders_of(&shop.pool, "Ann").collect().await;
    assert_eq!(ids_or_errors(&all), [Some(1), Some(2), None]);
    let Err(QueryError::Failed(error)) = &all[2] else { panic!("{:?}", all[2]) };
    assert!(error.to_string().contains("integer overflow"), "{error}");
}

#[tokio::test]
async fn a_row_that_cannot_be_decoded_is_an_error_and_the_next_rows_follow() {
    let shop = Shop::with(5, 1).await;
    shop.run("UPDATE orders SET cents = 'much' WHERE id = 3").await;
    for all in [
        orders_of(&shop.pool, "Ann").collect::<Vec<_>>().await,
        shop.by_page().collect().await,
    ] {
        assert_eq!(ids_or_errors(&all), [Some(1), Some(2), None, Some(4), Some(5)]);
        assert!(matches!(all[2], Err(QueryError::BadRow(_))), "{:?}", all[2]);
    }
}

#[tokio::test]
async fn a_query_that_is_refused_is_one_error() {
    let shop = Shop::with(1, 1).await;
    shop.run("DROP TABLE orders").await;
    let all: Vec<_> = orders_of(&shop.pool, "Ann").collect().await;
    assert!(matches!(all[..], [Err(QueryError::Failed(_))]), "{all:?}");
}

#[tokio::test]
async fn sqlite_is_51_rows_ahead_of_the_reader_and_waits() {
    let mut shop = Shop::with(10_000, 1).await;
    let mut orders = orders_of(&shop.pool, "Ann").boxed();
    for _ in 0..3 {
        orders.next().await.unwrap().unwrap();
    }
    // Three are taken, fifty are in the queue, and one waits for room.
    shop.visited.wait_for(|rows| *rows >= 54).await.unwrap();
    drop(orders);
    assert_eq!(shop.count().await, 10_000, "the connection is free again");
    assert_eq!(shop.visited(), 54, "of 10,000");
}

#[tokio::test]
async fn how_far_it_is_ahead_can_be_set() {
    let mut shop = Shop::open(10_000, 1, |options| options.row_buffer_size(1)).await;
    let mut orders = orders_of(&shop.pool, "Ann").boxed();
    for _ in 0..3 {
        orders.next().await.unwrap().unwrap();
    }
    shop.visited.wait_for(|rows| *rows >= 5).await.unwrap();
    drop(orders);
    assert_eq!(shop.count().await, 10_000);
    assert_eq!(shop.visited(), 5);
}

#[tokio::test]
async fn a_query_that_finds_no_row_runs_to_its_end_after_the_drop() {
    let mut shop = Shop::with(10_000, 1).await;
    let mut orders = orders_of(&shop.pool, "Nobody").boxed();
    tokio::select! {
        _ = orders.next() => {}
        begun = shop.visited.wait_for(|rows| *rows > 0) => drop(begun.unwrap()),
    }
    drop(orders);
    assert_eq!(shop.count().await, 10_000, "the connection is free again");
    assert_eq!(shop.visited(), 10_000, "for nobody");
}

/// Begins a query over the only connection of `pool`, drops it in the middle, and
/// waits for the connection. The handler stops the query if the reader is gone.
async fn dropped_with_a_progress_handler(pool: &SqlitePool) {
    let (reader, begun) = (Arc::new(()), Arc::new(Notify::new()));
    let (waits, told) = (Arc::downgrade(&reader), Arc::clone(&begun));
    let (open, gate) = mpsc::channel::<()>();
    let go_on = move || {
        told.notify_one();
        gate.recv().unwrap_err(); // the drop is first, whoever is faster
        waits.strong_count() > 0
    };
    let mut connection = pool.acquire().await.unwrap();
    connection.lock_handle().await.unwrap().set_progress_handler(1_000, go_on);
    let find = "SELECT * FROM orders WHERE customer = 'Nobody'";
    let mut rows = connection.fetch(find);
    tokio::select! {
        _ = rows.next() => {}
        () = begun.notified() => {}
    }
    drop(rows);
    drop(reader);
    drop(open);
    drop(connection);
    drop(pool.acquire().await.unwrap());
}

#[tokio::test]
async fn a_progress_handler_stops_a_query_that_was_dropped() {
    let shop = Shop::with(10_000, 1).await;
    dropped_with_a_progress_handler(&shop.pool).await;
    assert!(shop.visited() < 1_000, "a thousand steps are fewer rows");
}

#[tokio::test]
async fn a_progress_handler_that_is_left_on_a_connection_stops_the_next_user() {
    let shop = Shop::with(10_000, 1).await;
    dropped_with_a_progress_handler(&shop.pool).await;
    let all: Vec<_> = orders_of(&shop.pool, "Nobody").collect().await;
    let [Err(QueryError::Failed(error))] = &all[..] else { panic!("{all:?}") };
    assert!(error.to_string().contains("interrupted"), "{error}");
    let mut connection = shop.pool.acquire().await.unwrap();
    connection.lock_handle().await.unwrap().remove_progress_handler();
    drop(connection);
    assert_eq!(orders_of(&shop.pool, "Nobody").count().await, 0);
    // A pool that takes it off when a connection comes back needs nobody's care.
    let careful =
        SqlitePoolOptions::new().max_connections(1).after_release(|connection, _| {
            async move {
                connection.lock_handle().await?.remove_progress_handler();
                Ok(true)
            }
            .boxed()
        });
    let careful = careful.connect_with(shop.options.clone()).await.unwrap();
    dropped_with_a_progress_handler(&careful).await;
    let before = shop.visited();
    assert_eq!(orders_of(&careful, "Nobody").count().await, 0);
    assert_eq!(shop.visited() - before, 10_000);
}

#[tokio::test]
async fn a_dropped_next_loses_no_row() {
    let shop = Shop::open(500, 1, |options| options.row_buffer_size(1)).await;
    for mut orders in [orders_of(&shop.pool, "Ann").boxed(), shop.by_page().boxed()] {
        let mut came = Vec::new();
        loop {
            match after_polls(1, orders.next()).await {
                Some(Some(order)) => came.push(order.unwrap().id),
                Some(None) => break,
                None => tokio::task::yield_now().await,
            }
        }
        assert_eq!(came, (1..=500).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_stream_dropped_at_any_poll_gives_its_connection_back() {
    let shop = Shop::with(25, 1).await;
    for polls in 0..20 {
        for mut orders in [orders_of(&shop.pool, "Ann").boxed(), shop.by_page().boxed()]
        {
            drop(after_polls(polls, orders.next()).await);
            drop(orders);
            assert_eq!(shop.count().await, 25);
        }
    }
}

#[tokio::test]
async fn it_holds_a_connection_from_its_first_poll_to_its_end() {
    let shop = Shop::with(3, 1).await;
    let mut orders = orders_of(&shop.pool, "Ann").boxed();
    assert_eq!(shop.count().await, 3, "not before");
    for _ in 0..3 {
        orders.next().await.unwrap().unwrap();
        assert!(shop.pool.try_acquire().is_none());
    }
    assert!(orders.next().await.is_none());
    assert_eq!(shop.count().await, 3, "not after");
    let mut orders = orders_of(&shop.pool, "Ann").boxed();
    orders.next().await.unwrap().unwrap();
    drop(orders);
    assert_eq!(shop.count().await, 3);
}

#[test]
fn dropped_outside_a_runtime_an_open_stream_panics() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap();
    let shop = runtime.block_on(Shop::with(3, 1));
    let mut orders = orders_of(&shop.pool, "Ann").boxed();
    runtime.block_on(orders.next()).unwrap().unwrap();
    std::panic::catch_unwind(AssertUnwindSafe(|| drop(orders))).unwrap_err();
}

#[tokio::test]
async fn an_open_stream_keeps_writers_out() {
    let shop = Shop::open(10_000, 2, |o| o.busy_timeout(Duration::ZERO)).await;
    let mut orders = orders_of(&shop.pool, "Ann").boxed();
    orders.next().await.unwrap().unwrap();
    let mut other = shop.pool.acquire().await.unwrap();
    let locked = one_more(&mut other).await.unwrap_err();
    let QueryError::Failed(locked) = locked else { panic!("{locked}") };
    assert!(locked.to_string().contains("database is locked"), "{locked}");
    drop(orders);
    drop(shop.pool.acquire().await.unwrap());
    one_more(&mut other).await.unwrap();
}

/// 1: a reader still needs the log.
async fn busy(connection: &mut SqliteConnection) -> i64 {
    let checkpoint = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)");
    checkpoint.fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn with_wal_an_open_stream_sees_no_later_row_and_the_log_is_kept_for_it() {
    let shop = Shop::open(10_000, 2, |options| {
        options.busy_timeout(Duration::ZERO).journal_mode(SqliteJournalMode::Wal)
    })
    .await;
    let mut orders = orders_of(&shop.pool, "Ann").boxed();
    orders.next().await.unwrap().unwrap();
    let mut other = shop.pool.acquire().await.unwrap();
    other.execute("INSERT INTO orders VALUES (10001, 'Ann', 100)").await.unwrap();
    assert_eq!(busy(&mut other).await, 1, "the log cannot be emptied");
    assert_eq!(orders.by_ref().count().await, 9_999);
    assert_eq!(busy(&mut other).await, 0);
}

// Pages.

#[tokio::test]
async fn pages_give_every_row_once_and_in_order() {
    for rows in [0, 1, 9, 10, 11, 20, 25] {
        let shop = Shop::with(rows, 1).await;
        shop.run("INSERT INTO orders (customer, cents) VALUES ('Bob', 5)").await;
        assert_eq!(ids(shop.by_page()).await, (1..=rows).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_page_that_is_not_full_is_the_last() {
    let shop = Shop::with(30, 1).await;
    shop.run("UPDATE orders SET customer = 'Bob' WHERE id > 25").await;
    assert_eq!(shop.by_page().count().await, 25);
    assert_eq!(shop.visited(), 30, "a fourth page would visit Bob's five once more");
}

#[tokio::test]
async fn between_two_pages_it_holds_no_connection() {
    let shop = Shop::with(25, 1).await;
    let mut paged = shop.by_page().boxed();
    let mut count = 0;
    while let Some(order) = paged.next().await {
        order.unwrap();
        assert_eq!(shop.count().await, 25, "with the only connection");
        count += 1;
    }
    assert_eq!(count, 25);
}

#[tokio::test]
async fn an_error_on_page_two_comes_after_the_rows_of_page_one() {
    let shop = Shop::with(25, 1).await;
    let mut paged = shop.by_page().boxed();
    paged.next().await.unwrap().unwrap();
    shop.run("DROP TABLE orders").await;
    let all: Vec<_> = paged.collect().await;
    assert_eq!(all.len(), 10);
    assert!(all[..9].iter().all(Result::is_ok));
    assert!(matches!(all[9], Err(QueryError::Failed(_))), "{:?}", all[9]);
}

#[tokio::test]
async fn dropped_early_it_fetches_no_further_page() {
    let shop = Shop::with(10_000, 1).await;
    assert_eq!(ids(shop.by_page().take(3)).await, [1, 2, 3]);
    assert_eq!(shop.count().await, 10_000);
    assert_eq!(shop.visited(), 10);
}

#[tokio::test]
async fn with_an_index_on_the_customer_a_page_is_a_search_without_sorting() {
    let shop = Shop::with(25, 1).await;
    shop.run("CREATE INDEX by_customer ON orders (customer)").await;
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {PAGE}"));
    let plan = sqlx::query(explain).fetch_all(&shop.pool).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
    let search = "SEARCH orders USING INDEX by_customer (customer=? AND rowid>?)";
    assert_eq!(plan, [search]);
}

#[tokio::test]
async fn a_hundred_rows_by_key_are_100_visits_and_by_offset_650() {
    let shop = Shop::with(100, 1).await;
    assert_eq!((shop.by_page().count().await, shop.visited()), (100, 100));
    assert_eq!(shop.by_offset().take(200).count().await, 100);
    assert_eq!(shop.visited() - 100, 550 + 100, "and once more to find the end");
}

/// Runs `sql` when order 10, the last of its page, has come.
async fn changed_between(
    shop: &Shop,
    orders: impl Stream<Item = Result<Order, QueryError>>,
    sql: &'static str,
) -> Vec<i64> {
    changed_after(10, shop, orders, sql).await
}

/// Runs `sql` when order `last` has come.
async fn changed_after(
    last: i64,
    shop: &Shop,
    orders: impl Stream<Item = Result<Order, QueryError>>,
    sql: &'static str,
) -> Vec<i64> {
    let changed = orders.then(|order| async move {
        let id = order.unwrap().id;
        if id == last {
            shop.run(sql).await;
        }
        id
    });
    changed.take(30).collect().await
}

#[tokio::test]
async fn by_offset_a_row_is_missed_when_another_is_deleted() {
    let delete = "DELETE FROM orders WHERE id = 1";
    let shop = Shop::with(25, 1).await;
    let by_key = changed_between(&shop, shop.by_page(), delete).await;
    assert_eq!(by_key, (1..=25).collect::<Vec<_>>());
    shop.run("INSERT INTO orders VALUES (1, 'Ann', 100)").await;
    let by_offset = changed_between(&shop, shop.by_offset(), delete).await;
    let all_but_11: Vec<_> = (1..=10).chain(12..=25).collect();
    assert_eq!(by_offset, all_but_11);
}

#[tokio::test]
async fn by_offset_a_row_comes_twice_when_another_is_added_before_it() {
    let add = "INSERT INTO orders VALUES (0, 'Ann', 100)";
    let shop = Shop::with(25, 1).await;
    let by_key = changed_between(&shop, shop.by_page(), add).await;
    assert_eq!(by_key, (1..=25).collect::<Vec<_>>(), "0 is behind");
    shop.run("DELETE FROM orders WHERE id = 0").await;
    // Order 10 comes twice, and each time another one is added.
    let add = "INSERT OR IGNORE INTO orders VALUES (0, 'Ann', 100)";
    let by_offset = changed_between(&shop, shop.by_offset(), add).await;
    let ten_twice: Vec<_> = (1..=10).chain(10..=25).collect();
    assert_eq!(by_offset, ten_twice);
}

#[tokio::test]
async fn by_key_a_row_that_is_added_at_the_end_is_seen() {
    let add = "INSERT INTO orders (customer, cents) VALUES ('Ann', 100)";
    let shop = Shop::with(25, 1).await;
    let by_key = changed_between(&shop, shop.by_page(), add).await;
    assert_eq!(by_key, (1..=26).collect::<Vec<_>>());
}

#[tokio::test]
async fn by_key_a_row_that_is_added_while_the_last_page_is_read_is_not_seen() {
    let add = "INSERT INTO orders (customer, cents) VALUES ('Ann', 100)";
    for (last, seen) in [(20, 26), (21, 25), (25, 25)] {
        let shop = Shop::with(25, 1).await;
        let by_key = changed_after(last, &shop, shop.by_page(), add).await;
        assert_eq!(by_key, (1..=seen).collect::<Vec<_>>(), "after {last}");
        assert_eq!(shop.count().await, 26);
    }
}

// The pool.

async fn look_up(pool: SqlitePool, order: Order) -> Result<(), QueryError> {
    let one = sqlx::query_scalar::<_, i64>("SELECT cents FROM orders WHERE id = ?");
    one.bind(order.id).fetch_one(&pool).await?;
    Ok(())
}

#[tokio::test]
async fn a_query_for_each_row_waits_30_seconds_for_what_the_rows_hold() {
    let shop = Shop::with(3, 1).await;
    let mut begun = None;
    let stuck = naive::for_each_order(&shop.pool, "Ann", |pool, order| {
        // No thread is waited for from here on, only the pool.
        tokio::time::pause();
        begun = Some(Instant::now());
        look_up(pool, order)
    });
    let stuck = stuck.await.unwrap_err();
    assert!(matches!(stuck, QueryError::NoConnection), "{stuck}");
    assert_eq!(begun.unwrap().elapsed().as_secs(), 30);
}

#[tokio::test]
async fn buffered_questions_wait_for_it_as_well() {
    let shop = Shop::with(3, 1).await;
    let looked_up = orders_of(&shop.pool, "Ann").map_ok(|order| {
        if order.id == 1 {
            tokio::time::pause();
        }
        look_up(shop.pool.clone(), order)
    });
    let looked_up = looked_up.try_buffered(2);
    let stuck = looked_up.try_for_each(|()| async { Ok(()) }).await.unwrap_err();
    assert!(matches!(stuck, QueryError::NoConnection), "{stuck}");
}

#[tokio::test]
async fn as_many_streams_as_connections_wait_for_each_other() {
    let shop = Shop::with(3, 2).await;
    naive::for_each_order(&shop.pool, "Ann", look_up).await.unwrap();
    let both_read = Arc::new(Barrier::new(2));
    let one = || {
        let both_read = Arc::clone(&both_read);
        naive::for_each_order(&shop.pool, "Ann", move |pool, order| {
            let both_read = Arc::clone(&both_read);
            async move {
                if both_read.wait().await.is_leader() {
                    tokio::time::pause();
                }
                look_up(pool, order).await
            }
        })
    };
    let stuck = try_join_all([one(), one()]).await.unwrap_err();
    assert!(matches!(stuck, QueryError::NoConnection), "{stuck}");
}

#[tokio::test]
async fn pages_need_one_connection_for_all_of_it() {
    let shop = Shop::with(25, 1).await;
    let looked_up = shop.by_page().map_ok(|order| look_up(shop.pool.clone(), order));
    let all = looked_up.try_buffered(4).try_fold(0, |n, ()| async move { Ok(n + 1) });
    assert_eq!(all.await.unwrap(), 25);
}

// Transactions.

/// Fails if the only connection of the pool is inside a transaction.
async fn assert_no_transaction(pool: &SqlitePool) {
    let mut connection = pool.acquire().await.unwrap();
    connection.execute("BEGIN").await.unwrap();
    connection.execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_rolled_back_before_the_next_user() {
    let shop = Shop::with(0, 1).await;
    for _ in 0..20 {
        let inserted = Notify::new();
        let work = async {
            let mut transaction = shop.pool.begin().await.unwrap();
            one_more(&mut transaction).await.unwrap();
            inserted.notify_one();
            pending::<()>().await;
        };
        tokio::select! {
            () = work => {}
            () = inserted.notified() => {}
        }
        assert_eq!(shop.count().await, 0);
        assert_no_transaction(&shop.pool).await;
    }
}

#[tokio::test]
async fn with_sqlite_a_begin_dropped_at_any_poll_leaves_no_transaction() {
    let shop = Shop::with(0, 1).await;
    for round in 0..60 {
        drop(after_polls(round % 6, shop.pool.begin()).await);
        assert_no_transaction(&shop.pool).await;
    }
}

#[tokio::test]
async fn a_savepoint_dropped_in_its_begin_takes_the_outer_transaction_with_it() {
    let shop = Shop::with(0, 1).await;
    let mut dropped = 0;
    while dropped < 10 {
        let before = shop.count().await;
        let mut outer = shop.pool.begin().await.unwrap();
        one_more(&mut outer).await.unwrap();
        let inner = after_polls(1, outer.begin()).await.map(drop);
        one_more(&mut outer).await.unwrap();
        outer.commit().await.unwrap();
        // The second insert was on its own, and the commit had nothing to do.
        let stored = if inner.is_none() { 1 } else { 2 };
        assert_eq!(shop.count().await - before, stored);
        dropped += usize::from(inner.is_none());
    }
}

#[tokio::test]
async fn on_a_held_connection_an_insert_polled_once_and_dropped_is_stored() {
    let shop = Shop::with(0, 1).await;
    for round in 1..=20 {
        let mut connection = shop.pool.acquire().await.unwrap();
        drop(after_polls(1, one_more(&mut connection)).await);
        drop(connection);
        assert_eq!(shop.count().await, round);
    }
}

#[tokio::test]
async fn through_the_pool_an_insert_polled_once_and_dropped_is_not_begun() {
    let shop = Shop::with(0, 1).await;
    let insert = "INSERT INTO orders (customer, cents) VALUES ('Bob', 5)";
    // It waits for a connection …
    let held = shop.pool.acquire().await.unwrap();
    assert!(after_polls(1, shop.pool.execute(insert)).await.is_none());
    drop(held);
    assert_eq!(shop.count().await, 0);
    // … or for the answer of one that is free, and is looked at before it is used.
    let looks = SqlitePoolOptions::new()
        .max_connections(1)
        .before_acquire(|_, _| tokio::task::yield_now().map(|()| Ok(true)).boxed());
    let looks = looks.connect_with(shop.options.clone()).await.unwrap();
    assert_eq!(looks.num_idle(), 1);
    assert!(after_polls(1, looks.execute(insert)).await.is_none());
    drop(looks.acquire().await.unwrap());
    assert_eq!(shop.count().await, 0);
    looks.execute(insert).await.unwrap();
    assert_eq!(shop.count().await, 1);
}

#[tokio::test]
async fn of_two_statements_in_one_string_the_second_is_not_begun_for_nobody() {
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let shop = Shop::open(0, 1, |options| {
        options.collation("gated", move |a, b| {
            gate.lock().unwrap().recv().unwrap_err();
            a.cmp(b)
        })
    })
    .await;
    let two = "INSERT INTO orders SELECT 1, 'Bob', 5 WHERE 'a' < 'b' COLLATE gated; \
               INSERT INTO orders SELECT 2, 'Bob', 5";
    let mut connection = shop.pool.acquire().await.unwrap();
    assert!(after_polls(1, connection.execute(two)).await.is_none());
    drop(open); // the first one is carried out from here on
    drop(connection);
    assert_eq!(shop.count().await, 1);
    shop.run("DELETE FROM orders").await;
    shop.run(two).await;
    assert_eq!(shop.count().await, 2, "waited for");
}

#[tokio::test]
async fn a_commit_that_was_polled_once_and_dropped_has_committed() {
    let shop = Shop::with(0, 1).await;
    for round in 1..=20 {
        let mut transaction = shop.pool.begin().await.unwrap();
        one_more(&mut transaction).await.unwrap();
        drop(after_polls(1, transaction.commit()).await);
        assert_eq!(shop.count().await, round);
        assert_no_transaction(&shop.pool).await;
    }
}

#[tokio::test]
async fn a_commit_that_sqlite_refuses_is_rolled_back_and_a_drop_hides_it() {
    let shop = Shop::open(10_000, 2, |o| o.busy_timeout(Duration::ZERO)).await;
    let mut orders = orders_of(&shop.pool, "Ann").boxed();
    orders.next().await.unwrap().unwrap();
    for _ in 0..20 {
        let mut transaction = shop.pool.begin().await.unwrap();
        one_more(&mut transaction).await.unwrap();
        drop(after_polls(1, transaction.commit()).await);
    }
    let mut transaction = shop.pool.begin().await.unwrap();
    one_more(&mut transaction).await.unwrap();
    assert_eq!(code(&transaction.commit().await.unwrap_err()), "5", "busy");
    // The connection is back only when all of that is done.
    drop(shop.pool.acquire().await.unwrap());
    drop(orders);
    assert_eq!(shop.count().await, 10_000);
}

#[tokio::test]
async fn a_commit_that_was_never_polled_has_not() {
    let shop = Shop::with(0, 1).await;
    let mut transaction = shop.pool.begin().await.unwrap();
    one_more(&mut transaction).await.unwrap();
    drop(transaction.commit());
    assert_eq!(shop.count().await, 0);
}

// Two writers.

/// The code of `SQLite`: 5 is busy, and 517 busy with a snapshot.
fn code(error: &sqlx::Error) -> String {
    error.as_database_error().unwrap().code().unwrap().into_owned()
}

fn wal_and_an_hour(options: SqliteConnectOptions) -> SqliteConnectOptions {
    let options = options.journal_mode(SqliteJournalMode::Wal);
    options.busy_timeout(Duration::from_hours(1))
}

async fn read(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(connection).await
}

/// Orders as many cents as there are orders before it.
fn read_and_write(
    connection: &mut SqliteConnection,
) -> BoxFuture<'_, Result<(), QueryError>> {
    async move {
        let before = read(connection).await?;
        let order = "INSERT INTO orders (customer, cents) VALUES ('Bob', ?)";
        sqlx::query(order).bind(before).execute(connection).await?;
        Ok(())
    }
    .boxed()
}

#[tokio::test]
async fn the_second_writer_is_locked_out_after_its_busy_timeout() {
    let patience = Duration::from_millis(20);
    let shop = Shop::open(0, 2, |o| o.busy_timeout(patience)).await;
    let first = shop.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut second = shop.pool.acquire().await.unwrap();
    let start = std::time::Instant::now();
    let locked = one_more(&mut second).await.unwrap_err();
    assert!(start.elapsed() >= patience);
    let QueryError::Failed(locked) = locked else { panic!("{locked}") };
    assert!(locked.to_string().contains("database is locked"), "{locked}");
    assert_eq!(code(&locked), "5");
    drop(first);
    drop(shop.pool.acquire().await.unwrap());
    one_more(&mut second).await.unwrap();
}

#[tokio::test]
async fn the_busy_timeout_is_5_seconds_unless_it_is_set() {
    let shop = Shop::with(0, 1).await;
    let millis = sqlx::query_scalar::<_, i64>("PRAGMA busy_timeout");
    assert_eq!(millis.fetch_one(&shop.pool).await.unwrap(), 5_000);
}

#[tokio::test]
async fn who_has_read_before_another_wrote_may_not_write_and_is_told_at_once() {
    let shop = Shop::open(0, 2, wal_and_an_hour).await;
    let mut reads_first = shop.pool.begin().await.unwrap();
    assert_eq!(read(&mut reads_first).await.unwrap(), 0);
    let mut other = shop.pool.begin().await.unwrap();
    one_more(&mut other).await.unwrap();
    // With the other one in the middle of its transaction, and nobody to end it …
    let busy = one_more(&mut reads_first).await.unwrap_err();
    let QueryError::Failed(busy) = busy else { panic!("{busy}") };
    assert_eq!(code(&busy), "5");
    // … and for good when it has committed.
    other.commit().await.unwrap();
    let snapshot = one_more(&mut reads_first).await.unwrap_err();
    let QueryError::Failed(snapshot) = snapshot else { panic!("{snapshot}") };
    assert_eq!(code(&snapshot), "517");
    reads_first.rollback().await.unwrap();
    assert_eq!(shop.count().await, 1);
}

#[tokio::test]
async fn without_wal_who_has_read_may_not_wait_for_a_writer_either() {
    let hour = Duration::from_hours(1);
    let shop = Shop::open(0, 2, |o| o.busy_timeout(hour)).await;
    let mut reads_first = shop.pool.begin().await.unwrap();
    assert_eq!(read(&mut reads_first).await.unwrap(), 0);
    let other = shop.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let busy = one_more(&mut reads_first).await.unwrap_err();
    let QueryError::Failed(busy) = busy else { panic!("{busy}") };
    assert_eq!(code(&busy), "5");
    drop(other);
}

#[tokio::test]
async fn works_that_read_and_then_write_wait_for_each_other() {
    let shop = Shop::open(0, 4, wal_and_an_hour).await;
    let tasks = TaskTracker::new();
    for round in 1..=5 {
        let work = || in_transaction(&tasks, shop.pool.clone(), read_and_write);
        try_join_all([work(), work(), work(), work()]).await.unwrap();
        assert_eq!(shop.count().await, round * 4);
    }
    let cents = sqlx::query_scalar("SELECT cents FROM orders ORDER BY id");
    let cents: Vec<i64> = cents.fetch_all(&shop.pool).await.unwrap();
    assert_eq!(cents, (0..20).collect::<Vec<_>>(), "none read what was out of date");
}

#[tokio::test]
async fn dropped_anywhere_and_called_again_with_its_key_it_is_one_order() {
    let shop = Shop::with(0, 1).await;
    for round in 0..80 {
        let key = format!("key {round}");
        let first = order_once(&shop.pool, &key, "Bob", 5);
        let first = after_polls(usize::try_from(round % 8).unwrap(), first).await;
        let stands = shop.count().await > round;
        assert!(stands || first.is_none());
        assert_eq!(order_once(&shop.pool, &key, "Bob", 5).await.unwrap(), !stands);
        assert_eq!(shop.count().await, round + 1);
        assert_no_transaction(&shop.pool).await;
    }
}

/// Refuses, at the commit, each order of a customer whom it does not know.
async fn known_customers_only(shop: &Shop) {
    shop.run(
        "DROP TABLE orders; CREATE TABLE customers (name TEXT PRIMARY KEY); \
         CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT \
         REFERENCES customers DEFERRABLE INITIALLY DEFERRED, cents)",
    )
    .await;
}

#[tokio::test]
async fn a_commit_that_fails_is_an_error_and_nothing_is_stored() {
    let shop = Shop::with(0, 1).await;
    known_customers_only(&shop).await;
    let once = || order_once(&shop.pool, "a", "Bob", 5);
    let tasks = TaskTracker::new();
    let on_task = || in_transaction(&tasks, shop.pool.clone(), one_more);
    for error in [once().await.unwrap_err(), on_task().await.unwrap_err()] {
        let QueryError::Failed(error) = error else { panic!("{error}") };
        assert_eq!(code(&error), "787", "a foreign key, and only at the commit");
        assert_no_transaction(&shop.pool).await;
        assert_eq!((shop.count().await, shop.count_from_outside().await), (0, 0));
    }
    shop.run("INSERT INTO customers VALUES ('Bob')").await;
    assert!(once().await.unwrap(), "its key was not stored either");
    on_task().await.unwrap();
    assert_eq!(shop.count_from_outside().await, 2);
}

/// A trigger that lets `SQLite` roll back a whole transaction by itself.
const NO_EVE: &str = "CREATE TRIGGER no_eve BEFORE INSERT ON orders WHEN new.customer = 'Eve' \
     BEGIN SELECT RAISE(ROLLBACK, 'not Eve'); END";

fn eve(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<(), QueryError>> {
    let insert = "INSERT INTO orders (customer, cents) VALUES ('Eve', 5)";
    async move {
        connection.execute(insert).await?;
        Ok(())
    }
    .boxed()
}

async fn ten_more(pool: &SqlitePool) {
    for _ in 0..10 {
        one_more(&mut pool.acquire().await.unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn after_a_rollback_of_sqlite_itself_ten_later_orders_are_lost() {
    let shop = Shop::with(0, 1).await;
    shop.run(NO_EVE).await;
    let careful =
        SqlitePoolOptions::new().max_connections(1).before_acquire(|connection, _| {
            async { Ok(!connection.is_in_transaction()) }.boxed()
        });
    let careful = careful.connect_with(shop.options.clone()).await.unwrap();
    for (pool, lost) in [(&careful, 0), (&shop.pool, 10)] {
        let before = shop.count_from_outside().await;
        let mut ended = pool.begin().await.unwrap();
        eve(&mut ended).await.unwrap_err();
        let none = ended.rollback().await.unwrap_err();
        assert!(none.to_string().contains("no transaction is active"), "{none}");
        // sqlx still counts it, so that its next one is a savepoint …
        let immediate = pool.begin_with("BEGIN IMMEDIATE").await.map(drop);
        assert_eq!(immediate.is_err(), lost > 0, "{immediate:?}");
        let mut dropped = pool.begin().await.unwrap();
        one_more(&mut dropped).await.unwrap();
        drop(dropped);
        // … and the one around that is never ended.
        ten_more(pool).await;
        let stored = shop.count_from_outside().await - before;
        assert_eq!(stored, 10 - lost);
    }
}

#[tokio::test]
async fn after_a_rollback_of_sqlite_itself_the_next_one_has_a_new_connection() {
    let shop = Shop::with(0, 1).await;
    shop.run(NO_EVE).await;
    let tasks = TaskTracker::new();
    for round in 0..4 {
        let failed = if round % 2 == 0 {
            order_once(&shop.pool, "a", "Eve", 5).await.map(drop)
        } else {
            in_transaction(&tasks, shop.pool.clone(), eve).await
        };
        let error = failed.unwrap_err();
        let QueryError::Failed(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains("not Eve"), "{error}");
        if round < 2 {
            in_transaction(&tasks, shop.pool.clone(), one_more).await.unwrap();
        }
        let key = format!("key {round}");
        assert!(order_once(&shop.pool, &key, "Bob", 5).await.unwrap());
        assert!(!order_once(&shop.pool, &key, "Bob", 5).await.unwrap());
        assert_no_transaction(&shop.pool).await;
        ten_more(&shop.pool).await;
    }
    assert_eq!(shop.count_from_outside().await, 4 * 11 + 2);
}

#[tokio::test]
async fn after_a_begin_by_hand_that_is_dropped_ten_orders_are_lost() {
    let shop = Shop::with(0, 1).await;
    let begun = Notify::new();
    let work = naive::transaction_by_hand(&shop.pool, |_| {
        begun.notify_one();
        pending().boxed()
    });
    tokio::select! {
        _ = work => {}
        () = begun.notified() => {}
    }
    // Ten others are told that their orders are stored …
    ten_more(&shop.pool).await;
    assert_eq!((shop.count().await, shop.count_from_outside().await), (10, 0));
    // … and they are gone with the connection.
    shop.pool.acquire().await.unwrap().close().await.unwrap();
    assert_eq!(shop.count().await, 0);
}

#[tokio::test]
async fn a_connection_that_is_closed_on_drop_takes_its_transaction_along() {
    let shop = Shop::with(0, 1).await;
    for _ in 0..20 {
        let mut connection = shop.pool.acquire().await.unwrap();
        connection.close_on_drop();
        connection.execute("BEGIN").await.unwrap();
        one_more(&mut connection).await.unwrap();
        drop(connection);
        assert_eq!(shop.count().await, 0);
        assert_no_transaction(&shop.pool).await;
    }
}

#[tokio::test]
async fn by_hand_it_commits_when_nobody_drops_it() {
    let shop = Shop::with(0, 1).await;
    naive::transaction_by_hand(&shop.pool, one_more).await.unwrap();
    assert_eq!((shop.count().await, shop.count_from_outside().await), (1, 1));
}

#[tokio::test]
async fn on_a_task_of_its_own_it_commits_though_the_caller_is_gone() {
    let shop = Shop::with(0, 1).await;
    for polls in 0..20 {
        let (before, tasks) = (shop.count().await, TaskTracker::new());
        let work = in_transaction(&tasks, shop.pool.clone(), one_more);
        let end = after_polls(polls, work).await;
        let stored = i64::from(end.is_some() || !tasks.is_empty());
        assert!(end.is_none_or(|end| end.is_ok()));
        tasks.close();
        tasks.wait().await;
        assert_eq!(shop.count().await, before + stored, "{polls} polls");
        assert_no_transaction(&shop.pool).await;
    }
}

#[tokio::test]
async fn callers_that_give_up_while_they_wait_leave_no_task_and_no_row() {
    let (shop, tasks) = (Shop::with(0, 1).await, TaskTracker::new());
    let held = shop.pool.acquire().await.unwrap();
    for _ in 0..100 {
        let work = in_transaction(&tasks, shop.pool.clone(), one_more);
        assert!(after_polls(1, work).await.is_none());
    }
    assert_eq!(tasks.len(), 0);
    drop(held);
    tasks.close();
    tasks.wait().await;
    assert_eq!(shop.count().await, 0);
    // One that waits longer has its turn.
    in_transaction(&tasks, shop.pool.clone(), one_more).await.unwrap();
    assert_eq!(shop.count().await, 1);
}

#[tokio::test]
async fn an_error_or_a_panic_of_the_work_rolls_back() {
    let (shop, tasks) = (Shop::with(0, 1).await, TaskTracker::new());
    let pool = || shop.pool.clone();
    let failed = in_transaction(&tasks, pool(), |connection| {
        async move {
            one_more(connection).await?;
            Err::<(), _>(QueryError::ShutDown)
        }
        .boxed()
    });
    failed.await.unwrap_err();
    assert_eq!(shop.count().await, 0);
    let panics = in_transaction::<(), QueryError, _>(&tasks, pool(), |connection| {
        async move {
            one_more(connection).await?;
            panic!("as the test wants")
        }
        .boxed()
    });
    let panic = AssertUnwindSafe(panics).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"as the test wants"));
    assert_eq!(shop.count().await, 0);
}

#[tokio::test]
async fn an_error_of_the_work_comes_when_all_is_rolled_back() {
    let shop = Shop::open(0, 1, |o| o.busy_timeout(Duration::ZERO)).await;
    let mut outside = SqliteConnection::connect_with(&shop.options).await.unwrap();
    let (rolling, (open, gate)) = (Arc::new(Notify::new()), mpsc::channel::<()>());
    let told = Arc::clone(&rolling);
    let mut connection = shop.pool.acquire().await.unwrap();
    connection.lock_handle().await.unwrap().set_rollback_hook(move || {
        told.notify_one();
        gate.recv().unwrap_err();
    });
    drop(connection);
    let tasks = TaskTracker::new();
    let fails = || {
        in_transaction::<(), _, _>(&tasks, shop.pool.clone(), |connection| {
            async move {
                one_more(connection).await?;
                Err(QueryError::NoConnection)
            }
            .boxed()
        })
    };
    // One whose caller has left …
    tokio::select! {
        _ = fails() => {}
        () = rolling.notified() => {}
    }
    assert_eq!(tasks.len(), 1, "it waits for its rollback");
    drop(open);
    tasks.close();
    tasks.wait().await;
    one_more(&mut outside).await.unwrap();
    // … and one whose caller is told.
    let error = fails().await.unwrap_err();
    assert!(matches!(error, QueryError::NoConnection), "{error}");
    one_more(&mut outside).await.unwrap();
    assert_eq!(shop.count().await, 2, "those of the other connection");
}

#[test]
fn a_runtime_that_ends_in_the_commit_may_have_committed() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (other, own) = (runtime().unwrap(), runtime().unwrap());
    let (tasks, committing) = (TaskTracker::new(), Arc::new(Notify::new()));
    let (open, gate) = mpsc::channel::<()>();
    let (held, closed) = mpsc::channel::<()>();
    let told = Arc::clone(&committing);
    let shop = own.block_on(Shop::with(0, 1));
    let mut work = pin!(in_transaction(&tasks, shop.pool.clone(), one_more));
    own.block_on(async {
        let mut connection = shop.pool.acquire().await.unwrap();
        connection.lock_handle().await.unwrap().set_commit_hook(move || {
            let _held = &held;
            told.notify_one();
            gate.recv().unwrap_err();
            true
        });
        drop(connection);
        tokio::select! {
            _ = &mut work => {}
            () = committing.notified() => {}
        }
    });
    drop(own); // SQLite is in the middle of the commit
    let end = other.block_on(work).unwrap_err();
    assert!(matches!(end, QueryError::ShutDown), "{end}");
    drop(open);
    closed.recv().unwrap_err(); // the connection is gone, with its hook
    assert_eq!(other.block_on(shop.count_from_outside()), 1);
}

#[test]
fn the_end_of_the_runtime_is_an_error() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (other, own) = (runtime().unwrap(), runtime().unwrap());
    let (tasks, begun) = (TaskTracker::new(), Arc::new(Notify::new()));
    let told = Arc::clone(&begun);
    let shop = own.block_on(Shop::with(0, 1));
    let work =
        in_transaction::<(), QueryError, _>(&tasks, shop.pool.clone(), move |_| {
            told.notify_one();
            pending().boxed()
        });
    let mut work = pin!(work);
    own.block_on(async {
        tokio::select! {
            _ = &mut work => {}
            () = begun.notified() => {}
        }
    });
    drop(own);
    let end = other.block_on(work).unwrap_err();
    assert!(matches!(end, QueryError::ShutDown), "{end}");
}

// What is only passed on, and what can panic.

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
