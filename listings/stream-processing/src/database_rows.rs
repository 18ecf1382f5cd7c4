//! Rows of a database as a stream, and what a drop leaves behind.

use std::future::Future;
use std::num::NonZeroU32;
use std::panic::resume_unwind;

use futures::future::BoxFuture;
use futures::stream::{self, Stream, TryStreamExt};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Connection, FromRow, Row};
use tokio_util::task::TaskTracker;

/// A row, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Grows with each order, and is never used again.
    pub id: i64,
    /// Who ordered.
    pub customer: String,
    /// The price.
    pub cents: i64,
}

impl FromRow<'_, SqliteRow> for Order {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let (id, customer) = (row.try_get("id")?, row.try_get("customer")?);
        Ok(Self { id, customer, cents: row.try_get("cents")? })
    }
}

// ANCHOR: query_error
/// Why there is no further row, or no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// All connections are in use, perhaps by the caller.
    #[error("no connection was free in time")]
    NoConnection,
    /// One row is not what the program takes it for.
    #[error("a row cannot be decoded")]
    BadRow(#[source] sqlx::Error),
    /// The runtime was shut down. Whether the work was committed is unknown.
    #[error("the runtime was shut down")]
    ShutDown,
    /// The database, or the way to it.
    #[error("the query failed")]
    Failed(#[source] sqlx::Error),
}

impl From<sqlx::Error> for QueryError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::NoConnection,
            sqlx::Error::ColumnDecode { .. } => Self::BadRow(error),
            error => Self::Failed(error),
        }
    }
}
// ANCHOR_END: query_error

// ANCHOR: one_query
/// The orders of a customer from one query, in the order of their ids.
///
/// The stream holds one connection of the pool from its first poll to its end. Whoever
/// reads must not need another one.
///
/// # Errors
/// An item, after the rows before it. Only after [`QueryError::BadRow`] come others.
///
/// # Panics
/// If it is dropped between its first poll and its end, outside a Tokio runtime.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream stops the query at its next
/// row, and only then is the connection free.
pub fn orders_of<'a>(
    pool: &'a SqlitePool,
    customer: &'a str,
) -> impl Stream<Item = Result<Order, QueryError>> + Send + use<'a> {
    let query = "SELECT id, customer, cents FROM orders WHERE customer = ? ORDER BY id";
    sqlx::query_as(query).bind(customer).fetch(pool).map_err(QueryError::from)
}
// ANCHOR_END: one_query

// ANCHOR: by_page
const PAGE: &str = "SELECT id, customer, cents FROM orders \
                    WHERE customer = ? AND id > ? ORDER BY id LIMIT ?";

/// The same orders from one query for each `size` of them. It holds a connection while
/// a page is fetched; between two pages whoever reads may take an hour, or use it.
///
/// # Errors
/// As [`orders_of`]. A page whose query fails gives no row, and is the end.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the query under way, and
/// the rows of its page; no further page is fetched.
pub fn orders_by_page(
    pool: SqlitePool,
    customer: String,
    size: NonZeroU32,
) -> impl Stream<Item = Result<Order, QueryError>> + Send {
    let pages = stream::try_unfold(Some(i64::MIN), move |after| {
        let (pool, customer) = (pool.clone(), customer.clone());
        async move {
            let Some(after) = after else { return Ok(None) };
            let page = sqlx::query(PAGE).bind(customer).bind(after).bind(size.get());
            let rows = page.fetch_all(&pool).await?;
            // A page that is not full is the last one.
            let full = rows.len() == size.get() as usize;
            let last = rows.last().filter(|_| full);
            let next = last.map(|row| row.try_get("id")).transpose()?;
            let orders = rows.into_iter().map(|row| Ok(Order::from_row(&row)?));
            Ok::<_, QueryError>(Some((stream::iter(orders), next)))
        }
    });
    pages.try_flatten()
}
// ANCHOR_END: by_page

// ANCHOR: order_once
/// A connection that can begin a transaction. When `SQLite` rolls one back by itself (a
/// full disk does that), sqlx goes on counting it, and begins a savepoint next.
async fn fresh(pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, QueryError> {
    loop {
        let connection = pool.acquire().await?;
        if !connection.is_in_transaction() {
            return Ok(connection);
        }
        connection.close().await?;
    }
}

/// Takes an order, unless the one of this `key` was taken before: then it is `false`.
///
/// # Errors
/// The database. Whether the order was taken is then unknown, as after a drop.
///
/// # Cancel safety
/// Dropped, it has taken the order or not: nobody knows whether a dropped `commit`
/// reached the database. Call it again with the same key.
pub async fn order_once(
    pool: &SqlitePool,
    key: &str,
    customer: &str,
    cents: i64,
) -> Result<bool, QueryError> {
    let mut connection = fresh(pool).await?;
    let mut transaction = connection.begin().await?;
    let first = sqlx::query("INSERT INTO keys VALUES (?) ON CONFLICT DO NOTHING");
    let first = first.bind(key).execute(&mut *transaction).await?;
    if first.rows_affected() == 0 {
        return Ok(false);
    }
    let order = sqlx::query("INSERT INTO orders (customer, cents) VALUES (?, ?)");
    order.bind(customer).bind(cents).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}
// ANCHOR_END: order_once

// ANCHOR: own_task
/// Runs `work` in a transaction on a task of its own, where no caller can drop it: `Ok`
/// commits. From its begin it is the only writer: what it reads holds when it writes.
///
/// # Errors
/// What `work` says (all is rolled back by then), or the database. After that one, or
/// [`QueryError::ShutDown`], nobody knows if it was committed: let `work` store a key.
///
/// # Panics
/// Outside a Tokio runtime, and if `work` panics: the next user finds it rolled back.
///
/// # Cancel safety
/// Dropped while it waits for a connection, nothing happens. After that the transaction
/// ends by itself: close `tasks`, and `tasks.wait()` waits for it.
pub async fn in_transaction<T, E, F>(
    tasks: &TaskTracker,
    pool: SqlitePool,
    work: F,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<QueryError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut SqliteConnection) -> BoxFuture<'t, Result<T, E>>,
    F: Send + 'static,
{
    let mut connection = fresh(&pool).await?;
    let task = tasks.spawn(async move {
        let begun = connection.begin_with("BEGIN IMMEDIATE").await;
        let mut transaction = begun.map_err(QueryError::from)?;
        let done = work(&mut transaction).await;
        match done {
            Ok(_) => transaction.commit().await.map_err(QueryError::from)?,
            Err(_) => transaction.rollback().await.unwrap_or_default(),
        }
        done
    });
    task.await.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Err(QueryError::ShutDown.into()),
    })
}
// ANCHOR_END: own_task

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use sqlx::AssertSqlSafe;

    // ANCHOR: pasted
    /// Wrong: the customer becomes part of the program that the database runs.
    pub fn orders_of<'a>(
        pool: &'a SqlitePool,
        customer: &str,
    ) -> impl Stream<Item = Result<Order, QueryError>> + Send + use<'a> {
        let query = format!("SELECT * FROM orders WHERE customer = '{customer}'");
        sqlx::query_as(AssertSqlSafe(query)).fetch(pool).map_err(QueryError::from)
    }
    // ANCHOR_END: pasted

    // ANCHOR: second_connection
    /// Wrong: the stream has a connection, and each `work` needs another one.
    ///
    /// # Errors
    /// The database, or no connection in time.
    pub async fn for_each_order<F, Fut>(
        pool: &SqlitePool,
        customer: &str,
        mut work: F,
    ) -> Result<(), QueryError>
    where
        F: FnMut(SqlitePool, Order) -> Fut,
        Fut: Future<Output = Result<(), QueryError>>,
    {
        let mut orders = std::pin::pin!(super::orders_of(pool, customer));
        while let Some(order) = orders.try_next().await? {
            work(pool.clone(), order).await?;
        }
        Ok(())
    }
    // ANCHOR_END: second_connection

    // ANCHOR: by_offset
    /// Wrong: a page is found by counting rows, and the rows move.
    pub fn orders_by_offset(
        pool: SqlitePool,
        customer: String,
        size: NonZeroU32,
    ) -> impl Stream<Item = Result<Order, QueryError>> + Send {
        let pages = stream::try_unfold(0, move |page: u32| {
            let (pool, customer) = (pool.clone(), customer.clone());
            async move {
                let query = "SELECT id, customer, cents FROM orders \
                             WHERE customer = ? ORDER BY id LIMIT ? OFFSET ?";
                let query = sqlx::query_as(query).bind(customer).bind(size.get());
                let query = query.bind(i64::from(page) * i64::from(size.get()));
                let orders: Vec<Order> = query.fetch_all(&pool).await?;
                let some = (!orders.is_empty()).then(|| orders.into_iter().map(Ok));
                Ok::<_, QueryError>(some.map(|some| (stream::iter(some), page + 1)))
            }
        });
        pages.try_flatten()
    }
    // ANCHOR_END: by_offset

    // ANCHOR: begin_by_hand
    /// Wrong: dropped after `BEGIN`, it gives back a connection inside a transaction
    /// that nobody knows of.
    ///
    /// # Errors
    /// What `work` says, or the database.
    pub async fn transaction_by_hand<F>(
        pool: &SqlitePool,
        work: F,
    ) -> Result<(), QueryError>
    where
        F: for<'t> FnOnce(
            &'t mut SqliteConnection,
        ) -> BoxFuture<'t, Result<(), QueryError>>,
    {
        let mut connection = pool.acquire().await?;
        sqlx::query("BEGIN").execute(&mut *connection).await?;
        work(&mut connection).await?;
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        Ok(())
    }
    // ANCHOR_END: begin_by_hand
}

#[cfg(test)]
mod tests;
