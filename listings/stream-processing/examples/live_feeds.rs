//! Live feeds of a shop: streams by hand, a generator, ticks and subscribers; then file events, a WebSocket,
//! rows of a database and a log.
//!
//! The first half runs on the paused clock, so its times are exact; the second with real files, sockets and
//! a real database, and says what came in which order, never when.

use std::cell::Cell;
use std::error::Error;
use std::fmt::Display;
use std::future::ready;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use backend::{Page, Reply, Site};
use futures::future::{FutureExt, TryFutureExt};
use futures::stream::{Stream, StreamExt, TryStreamExt};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use stream_processing::a_stream_that_waits::{self};
use stream_processing::database_rows::{
    in_transaction, order_once, orders_by_page, orders_of,
};
use stream_processing::file_events::{self, Pause, watch_file};
use stream_processing::generators::{rows, rows_ahead};
use stream_processing::large_log::{self, Line, fold_on_a_thread};
use stream_processing::let_others_run::Counter;
use stream_processing::publish_subscribe::{
    Hub, Update, Versioned, disconnect, for_each_latest, go_on, resync,
};
use stream_processing::ticks::ticks;
use stream_processing::websocket::{self, Limits, dial};
use stream_processing::write_a_stream::changes;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
const KIB: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

fn main() -> Outcome {
    println!("On the paused clock");
    let paused =
        Builder::new_current_thread().enable_time().start_paused(true).build()?;
    paused.block_on(async {
        by_hand().await;
        generated().await;
        refreshed().await?;
        published().await;
        up_to_date().await;
        from_a_hub().await;
        Outcome::Ok(())
    })?;
    println!("\nWith files, a WebSocket on 127.0.0.1, and SQLite");
    let real = Builder::new_current_thread().enable_all().build()?;
    real.block_on(async {
        let folder = tempfile::tempdir()?;
        let pool = open(&folder.path().join("shop.db")).await?;
        timeout(secs(60), take_orders(folder.path(), &pool)).await??;
        look_back(&pool).await?;
        refunds(&pool).await?;
        read_log(&folder.path().join("orders.log")).await?;
        pool.close().await;
        Ok(())
    })
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Prints how many milliseconds after `start` something was there.
fn tell(start: Instant, what: impl Display) {
    println!("  {:>5}  {what}", format!("{:?}", start.elapsed()));
}

fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

// ANCHOR: by_hand
/// A counter, and a slot for the newest price, which the reader looks at now and then.
async fn by_hand() {
    println!("A counter");
    let mut numbers = Counter::below(3);
    println!("         left: {:?}", numbers.size_hint());
    while let Some(number) = numbers.next().await {
        println!("         {number}, left: {:?}", numbers.size_hint());
    }
    println!("         after the end: {:?}", numbers.next().await);

    println!("A price each 10 ms; a reader that needs 24 ms for each");
    let start = Instant::now();
    let (supplier, prices) = a_stream_that_waits::latest();
    let supply = async move {
        let mut unread = 0;
        for price in [100, 100, 120, 90, 90, 95] {
            sleep(ms(10)).await;
            let replaced = supplier.set(price);
            unread += usize::from(matches!(replaced, Ok(Some(_))));
        }
        unread
    };
    let read = changes(prices).for_each(|price| async move {
        tell(start, price);
        sleep(ms(24)).await;
    });
    let (unread, ()) = tokio::join!(supply, read);
    tell(start, format!("the end, and {unread} that nobody read"));
}
// ANCHOR_END: by_hand

// ANCHOR: generated
/// Pages of a catalogue, of which the third fails: fetched ahead by a task, and fetched
/// when their first row is asked for.
async fn generated() {
    println!("Pages of 20 ms; the reader needs 15 ms for each row");
    let site = Site::default()
        .with_reply("/0", Reply::page(ms(20), "apple\npear"))
        .with_reply("/1", Reply::page(ms(20), "plum\nfig"))
        .with_reply("/2", Reply::status(ms(20), 503));
    let lines = |page: Page| page.body.lines().map(str::to_owned).collect();
    let fetch = move |page: u32| site.fetch(&format!("/{page}")).map_ok(lines);
    read_all("ahead", rows_ahead::<String, _, _, _>(TWO, fetch.clone())).await;
    read_all("when asked for", rows::<String, _, _, _>(fetch)).await;
}

async fn read_all<E: Error>(how: &str, rows: impl Stream<Item = Result<String, E>>) {
    let start = Instant::now();
    let mut rows = pin!(rows);
    while let Some(row) = rows.next().await {
        match row {
            Ok(row) => tell(start, format!("{row}, fetched {how}")),
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}"));
                tell(start, format!("{error}{}", cause.unwrap_or_default()));
            }
        }
        sleep(ms(15)).await;
    }
}
// ANCHOR_END: generated

// ANCHOR: refreshed
/// A tick each 100 ms, of which the first is followed by a stall of 250 ms.
async fn refreshed() -> Outcome {
    use MissedTickBehavior::{Burst, Delay, Skip};
    println!("Ticks of 100 ms, and a stall of 250 ms after the first");
    for missed in [Burst, Delay, Skip] {
        let start = Instant::now();
        let ticks = ticks(start, ms(100), missed)?.take(5);
        let refreshes = ticks.enumerate().then(|(count, _due)| async move {
            let at = start.elapsed().as_millis();
            if count == 0 {
                sleep(ms(250)).await;
            }
            at
        });
        let at: Vec<_> = refreshes.collect().await;
        println!("         {missed:?}: {}", list(&at));
    }
    Ok(())
}
// ANCHOR_END: refreshed

// ANCHOR: published
/// Eight messages, one each 10 ms, with room for four; one subscriber takes 45 ms for
/// each.
async fn published() {
    println!("Eight messages, 10 ms apart, to a quick and a slow subscriber");
    let start = Instant::now();
    let (publisher, quick) = broadcast::channel(4);
    let slow = publisher.subscribe();
    let publish = async move {
        for message in 1..=8 {
            sleep(ms(10)).await;
            if publisher.send(message).is_err() {
                return; // nobody listens
            }
        }
    };
    let missed = |count| tell(start, format!("the slow one has missed {count}"));
    let quick = async {
        let got: Vec<i32> = go_on(quick, |_| ()).collect().await;
        tell(start, format!("the quick one got {}", list(&got)));
    };
    let slow = async {
        let took = go_on(slow, missed).then(|message| async move {
            sleep(ms(45)).await;
            message
        });
        let got: Vec<i32> = took.collect().await;
        tell(start, format!("the slow one got {}", list(&got)));
    };
    tokio::join!(quick, slow, publish);
}
// ANCHOR_END: published

// ANCHOR: deliver
/// How many pieces are in stock, after how many deliveries.
type Stock = Cell<Versioned<u32>>;

/// Eight deliveries, 10 ms apart: each into the stock first, and then to who listens.
async fn deliver(
    stock: &Stock,
    publisher: broadcast::Sender<Versioned<u32>>,
    display: watch::Sender<u32>,
) {
    for (version, pieces) in (1..).zip([5, 1, 4, 2, 3, 6, 2, 4]) {
        sleep(ms(10)).await;
        let all = stock.get().value + pieces;
        stock.set(Versioned { version, value: all });
        display.send_replace(all);
        if publisher.send(Versioned { version, value: pieces }).is_err() {
            return; // nobody listens
        }
    }
}
// ANCHOR_END: deliver

// ANCHOR: up_to_date
/// Three who must not believe in an old stock. An answer to the one who asks is 12 ms
/// old when it comes.
async fn up_to_date() {
    println!("Eight deliveries to one who hangs up, one who asks, and a display");
    let start = Instant::now();
    let (publisher, strict) = broadcast::channel::<Versioned<u32>>(4);
    let synced = publisher.subscribe();
    let (display, mut shown) = watch::channel(0);
    let stock = &Stock::new(Versioned { version: 0, value: 0 });
    let strict = disconnect(strict).try_for_each(|delivery| async move {
        tell(start, format!("strict: {} more", delivery.value));
        sleep(ms(45)).await;
        Ok(())
    });
    let strict = strict.unwrap_or_else(|error| tell(start, error));
    let ask = async || {
        sleep(ms(13)).await;
        let answer = stock.get();
        sleep(ms(12)).await;
        answer
    };
    let synced = resync(synced, ask).for_each(|update| async move {
        match update {
            Update::State(all) => tell(start, format!("asked: {all} in stock")),
            Update::Change(pieces) => tell(start, format!("asked: {pieces} more")),
        }
        sleep(ms(21)).await;
    });
    let shown = for_each_latest(&mut shown, |all| async move {
        tell(start, format!("display: {all}"));
        sleep(ms(41)).await;
    });
    tokio::join!(strict, synced, shown, deliver(stock, publisher, display));
}
// ANCHOR_END: up_to_date

// ANCHOR: from_a_hub
/// Five messages that nobody may miss, and a subscriber who never reads.
async fn from_a_hub() {
    println!("A hub with room for two each, that waits 30 ms for who has none");
    let start = Instant::now();
    let mut hub = Hub::new(ms(30));
    let mut reader = hub.subscribe(TWO);
    let _asleep = hub.subscribe(TWO);
    let publish = async move {
        for message in 1..=5 {
            sleep(ms(10)).await;
            let subscribers = hub.publish(message).await;
            tell(start, format!("message {message} went to {subscribers}"));
        }
    };
    let read = async {
        let mut got = Vec::new();
        while let Some(message) = reader.recv().await {
            sleep(ms(13)).await;
            got.push(message);
        }
        tell(start, format!("the reader got {}", list(&got)));
    };
    tokio::join!(publish, read);
}
// ANCHOR_END: from_a_hub

// ANCHOR: orders
const LIMITS: Limits = Limits {
    message: 1024,
    outbox: TWO,
    write: secs(15),
    ping: secs(20),
    silence: secs(60),
};

/// The branches send three orders each time that they are asked, one of them twice, and
/// then say goodbye.
async fn branches(listener: TcpListener) -> Outcome {
    let (wire, _) = listener.accept().await?;
    let mut shop = websocket::accept(wire, LIMITS).await?;
    let outbox = shop.outbox();
    let orders = [
        "a Rome 1200",
        "b Oslo 800",
        "b Oslo 800",
        "c Rome 700",
        "d Rome 950",
        "e Oslo 90",
    ];
    for three in orders.chunks(3) {
        shop.try_next().await?; // "more"
        for order in three {
            outbox.send(Message::text(*order)).await?;
        }
    }
    Ok(shop.close(secs(60)).await?)
}
// ANCHOR_END: orders

// ANCHOR: limit
/// The limit above which an order is a large one: now, and whenever the file says
/// another. That it cannot be watched, or read, is an error.
fn limits(file: &Path) -> Outcome<impl Stream<Item = Outcome<i64>> + use<>> {
    let hints = watch_file(file, NonZeroU16::MIN.saturating_add(15))?;
    let pause = Pause { quiet: ms(20), at_most: secs(1) };
    let file = file.to_owned();
    let read = move || fs::read_to_string(file.clone());
    let texts = file_events::latest(hints, pause, read);
    let limits = texts.map(|text| Ok(text??.trim().parse()?));
    let mut before = None;
    Ok(limits.try_filter(move |limit| ready(before.replace(*limit) != Some(*limit))))
}

/// Puts a new file in the place of the old one.
async fn set_limit(file: &Path, limit: i64) -> Outcome {
    let new = file.with_extension("new");
    fs::write(&new, limit.to_string()).await?;
    Ok(fs::rename(new, file).await?)
}
// ANCHOR_END: limit

// ANCHOR: take_orders
/// Takes each order once, and notes it in the log.
async fn take_orders(folder: &Path, pool: &SqlitePool) -> Outcome {
    let file = folder.join("limit");
    set_limit(&file, 1000).await?;
    let mut limits = pin!(limits(&file)?);
    let mut limit = limits.try_next().await?.ok_or("the watch has ended")?;
    println!("  an order is large above {limit}");

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    let branches = AbortOnDropHandle::new(tokio::spawn(branches(listener)));
    let mut orders = dial(&url, LIMITS).await?;
    let outbox = orders.outbox();
    outbox.send(Message::text("more")).await?;

    let mut log = fs::File::create(folder.join("orders.log")).await?;
    let mut count = 0;
    while let Some(order) = orders.try_next().await? {
        let line = order.to_text()?;
        let (key, customer, cents) = parsed(line)?;
        let taken = order_once(pool, key, customer, cents).await?;
        let large = if cents > limit { ", a large one" } else { "" };
        println!("  {line}: {}{large}", if taken { "taken" } else { "was there" });
        log.write_all(format!("{line}\n").as_bytes()).await?;
        count += 1;
        if count == 3 {
            set_limit(&file, 900).await?;
            limit = limits.try_next().await?.ok_or("the watch has ended")?;
            println!("  an order is large above {limit}");
            outbox.send(Message::text("more")).await?;
        }
    }
    log.flush().await?;
    branches.await??;
    println!("  the branches have said goodbye");
    Ok(())
}
// ANCHOR_END: take_orders

fn parsed(line: &str) -> Outcome<(&str, &str, i64)> {
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or_else(|| format!("no order: {line:?}"));
    Ok((word()?, word()?, word()?.parse()?))
}

/// A pool of one connection: whoever holds it while waiting for another is found out.
async fn open(file: &Path) -> Outcome<SqlitePool> {
    let file = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(file).await?;
    let tables = "CREATE TABLE keys (key TEXT PRIMARY KEY); \
                  CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, \
                                       customer TEXT NOT NULL, cents INTEGER NOT NULL)";
    sqlx::raw_sql(tables).execute(&pool).await?;
    Ok(pool)
}

// ANCHOR: look_back
/// Reads the orders of Rome three times.
async fn look_back(pool: &SqlitePool) -> Outcome {
    let all: Vec<_> = orders_of(pool, "Rome").try_collect().await?;
    println!("  orders of Rome: {}", all.len());
    let first = pin!(orders_of(pool, "Rome")).try_next().await?; // and dropped
    println!("  the first of them: {:?}", first.map(|order| order.cents));

    let size = NonZeroU32::MIN.saturating_add(1);
    let mut paged = pin!(orders_by_page(pool.clone(), "Rome".to_owned(), size));
    while let Some(order) = paged.try_next().await? {
        let up_to = "SELECT sum(cents) FROM orders WHERE customer = ? AND id <= ?";
        let up_to = sqlx::query_scalar(up_to).bind(&order.customer).bind(order.id);
        let sum: i64 = up_to.fetch_one(pool).await?; // while the stream is open
        println!("  in pages of two: {}, {sum} so far", order.cents);
    }
    Ok(())
}
// ANCHOR_END: look_back

// ANCHOR: refunds
/// Pays `cents` back, unless it is more than the customer has paid; says what is left.
async fn refund(
    tasks: &TaskTracker,
    pool: &SqlitePool,
    customer: &'static str,
    cents: i64,
) -> Outcome<i64> {
    let work = in_transaction(tasks, pool.clone(), move |connection| {
        let work = async move {
            let order = "INSERT INTO orders (customer, cents) VALUES (?, ?)";
            let order = sqlx::query(order).bind(customer).bind(-cents);
            order.execute(&mut *connection).await?;
            let left = "SELECT sum(cents) FROM orders WHERE customer = ?";
            let left = sqlx::query_scalar(left).bind(customer);
            let left: i64 = left.fetch_one(connection).await?;
            if left < 0 {
                return Err(format!("{customer} would be {} short", -left).into());
            }
            Ok(left)
        };
        work.boxed()
    });
    work.await
}

async fn refunds(pool: &SqlitePool) -> Outcome {
    let tasks = TaskTracker::new();
    for cents in [500, 500, 390] {
        match refund(&tasks, pool, "Oslo", cents).await {
            Ok(left) => println!("  {cents} back to Oslo: {left} left"),
            Err(error) => println!("  {cents} back to Oslo: {error}"),
        }
    }
    tasks.close();
    tasks.wait().await; // whoever gave up on a refund would have left it here
    Ok(())
}
// ANCHOR_END: refunds

// ANCHOR: read_log
/// Reads the log line by line, in one buffer; and again on a thread.
async fn read_log(log: &Path) -> Outcome {
    let mut lines = large_log::open(log, KIB, KIB).await?;
    let first = lines.next().await?.ok_or("an empty log")?;
    println!("  the log begins with {:?}", first.text());
    println!("  its second line begins at byte {}", lines.position());
    let add = |sum: Outcome<i64>, line: Line<'_>| Ok(sum? + parsed(&line.text())?.2);
    let rest = lines.fold(Ok(0), add).await??;
    println!("  from there on it has {rest} cents");

    let count = |(lines, bytes), line: Line<'_>| (lines + 1, bytes + line.bytes.len());
    let (lines, bytes) = fold_on_a_thread(log, KIB, KIB, (0, 0), count).await?;
    println!("  in all: {lines} lines, {bytes} bytes without their ends");
    Ok(())
}
// ANCHOR_END: read_log
