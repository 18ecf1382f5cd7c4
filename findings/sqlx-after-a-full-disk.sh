#!/usr/bin/env bash
# sqlx 0.9.0 with SQLite: after a full disk, ten inserts that say `Ok` are lost.
#
# One would expect: a transaction meets a full disk, gets an error and is rolled back. There is room again, and
# the pool goes on as before.
# What happens: SQLite rolls the transaction back by itself (so it does for SQLITE_FULL, SQLITE_IOERR, an
# interrupt, ON CONFLICT ROLLBACK and RAISE(ROLLBACK)). The `ROLLBACK` of sqlx then fails, and the depth that sqlx
# counts for this connection stays at 1 for ever. `begin_with` is refused from now on. `begin` sends a SAVEPOINT,
# outside any transaction, which opens one; when that is rolled back, `ROLLBACK TO` leaves it open. The connection
# goes back into the pool: all later inserts are `Ok`, are there when read through the pool, and are never
# committed.
# Where: sqlx-sqlite 0.9.0, src/connection/worker.rs, Command::Rollback and Command::Commit: the depth is lowered
# only if the statement succeeds. sqlx-core 0.9.0, src/transaction.rs, rollback_ansi_transaction_sql.
# A pool is safe with `before_acquire` that answers `!connection.is_in_transaction()`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "after-a-full-disk"
version = "0.1.0"
edition = "2024"

[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["runtime-tokio", "sqlite-bundled"] }
tokio = { version = "=1.54.1", features = ["macros", "rt"] }
TOML
cat > "$folder/src/main.rs" <<'RUST'
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

async fn count(pool: &SqlitePool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(pool).await.unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("orders.db");
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options.clone()).await.unwrap();
    sqlx::query("CREATE TABLE orders (what TEXT)").execute(&pool).await.unwrap();

    // A disk with room for ten pages of 4 KiB.
    sqlx::query("PRAGMA max_page_count = 10").execute(&pool).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    let large = "INSERT INTO orders VALUES (hex(zeroblob(100000)))";
    let full = sqlx::query(large).execute(&mut *transaction).await.unwrap_err();
    println!("a large order: {full}");
    println!("rollback: {}", transaction.rollback().await.unwrap_err());

    // There is room again.
    sqlx::query("PRAGMA max_page_count = 1000000").execute(&pool).await.unwrap();
    let immediate = pool.begin_with("BEGIN IMMEDIATE").await.map(drop);
    println!("begin_with: {}", immediate.unwrap_err());
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO orders VALUES ('no')").execute(&mut *transaction).await.unwrap();
    println!("another one, rolled back: {:?}", transaction.rollback().await);
    for _ in 0..10 {
        sqlx::query("INSERT INTO orders VALUES ('tea')").execute(&pool).await.unwrap();
    }
    println!("ten orders, each Ok: {} through the pool", count(&pool).await);
    let outside = SqlitePool::connect_with(options).await.unwrap();
    println!("{} seen by another connection", count(&outside).await);
    pool.close().await;
    println!("{} after the pool was closed", count(&outside).await);
}
RUST
expected='a large order: error returned from database: (code: 13) database or disk is full
rollback: error returned from database: (code: 1) cannot rollback - no transaction is active
begin_with: attempted to call begin_with at non-zero transaction depth
another one, rolled back: Ok(())
ten orders, each Ok: 10 through the pool
0 seen by another connection
0 after the pool was closed'
output=$(cd "$folder" && cargo run --quiet)
echo "$output"
if diff <(echo "$expected") <(echo "$output"); then
    echo 'as recorded'
else
    exit 1
fi
