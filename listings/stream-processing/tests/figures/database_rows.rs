use std::future::Future;
use std::num::NonZeroU32;
use std::sync::mpsc;
use std::time::Duration;

use backend::figure::{Figure, observe};
use futures::stream::{self, BoxStream, StreamExt};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use stream_processing::database_rows::naive::orders_by_offset;
use stream_processing::database_rows::{Order, QueryError, orders_by_page};
use tokio::time::sleep;

const THREE: NonZeroU32 = NonZeroU32::new(3).unwrap();

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Stops the paused clock while the database works on a thread of its own: the clock does
/// not move on by itself while a blocking task runs.
async fn in_no_time<F: Future>(work: F) -> F::Output {
    let (done, wait) = mpsc::channel::<()>();
    let hold = tokio::task::spawn_blocking(move || wait.recv());
    let output = work.await;
    drop(done);
    drop(hold.await);
    output
}

type Pages =
    fn(SqlitePool, String, NonZeroU32) -> BoxStream<'static, Result<Order, QueryError>>;

/// Seven orders, three a page, 10 ms for each. After 25 ms order 1 is deleted, and after
/// 45 ms order 8 is added.
async fn scene(pages: Pages) {
    let shop = SqlitePoolOptions::new().max_connections(1);
    let shop = in_no_time(async {
        let shop = shop.connect_with(SqliteConnectOptions::new()).await.unwrap();
        let orders = "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer, cents); \
                      INSERT INTO orders VALUES (1, 'Ann', 5), (2, 'Ann', 5), \
                      (3, 'Ann', 5), (4, 'Ann', 5), (5, 'Ann', 5), (6, 'Ann', 5), \
                      (7, 'Ann', 5)";
        sqlx::raw_sql(orders).execute(&shop).await.unwrap();
        shop
    })
    .await;
    let changes = stream::iter([
        (25, "-1", "DELETE FROM orders WHERE id = 1"),
        (20, "+8", "INSERT INTO orders VALUES (8, 'Ann', 5)"),
    ]);
    let changes = changes.then(|(after, label, sql)| {
        let shop = shop.clone();
        async move {
            sleep(ms(after)).await;
            in_no_time(sqlx::query(sql).execute(&shop)).await.unwrap();
            label
        }
    });
    let orders = stream::unfold(
        pages(shop.clone(), "Ann".into(), THREE),
        |mut orders| async move {
            let order = in_no_time(orders.next()).await?.unwrap();
            Some((order.id, orders))
        },
    );
    tokio::join!(
        observe("table", changes).collect::<Vec<_>>(),
        observe("orders", orders).for_each(|_| sleep(ms(10))),
    );
}

#[test]
fn database_rows() {
    Figure::new(
        "database-rows",
        "Seven orders, three a page, 10 ms each, as rows change",
    )
    .panel("By key: each order once, the new one too", || {
        scene(|pool, customer, size| orders_by_page(pool, customer, size).boxed())
    })
    .panel("By OFFSET: order 4 is missed", || {
        scene(|pool, customer, size| orders_by_offset(pool, customer, size).boxed())
    })
    .check();
}
