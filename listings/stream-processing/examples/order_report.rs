//! An order feed becomes a report: sources, merge, map, filter, then, a pace, a rate, batches, fold, take.
//!
//! All of it runs on the paused clock against a scripted service, so each time is exact.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Display;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::pin;
use std::time::Duration;

use backend::{Reply, Site, SiteError};
use futures::future::{FutureExt, TryFutureExt, ready};
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use policy::limiter::{Limiter, Rate};
use stream_processing::batches::{Limits, Store, batcher, in_batches, writer};
use stream_processing::fold_and_take::{fold_until, part, reduce, reduce_runs, total};
use stream_processing::map_filter_then::{a_few_at_once, allowed, one_by_one};
use stream_processing::merge::{Change, keyed, urgent_first, while_open};
use stream_processing::rate_limit::paced;
use stream_processing::stream_sources::{Page, pages, prefetch};
use stream_processing::ticks::ticks;
use stream_processing::two_stream_exts::{spaced, until_silence};
use tokio::runtime::Builder;
use tokio::time::{Instant, MissedTickBehavior, sleep};

const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
const THREE: NonZeroUsize = TWO.saturating_add(1);

fn main() -> io::Result<()> {
    let paused =
        Builder::new_current_thread().enable_time().start_paused(true).build()?;
    paused.block_on(report());
    Ok(())
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Order {
    id: u32,
    city: String,
    cents: u64,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum FeedError {
    #[error(transparent)]
    Archive(#[from] SiteError),
    #[error("no order: {0:?}")]
    NoOrder(String),
}

fn parsed(line: &str) -> Result<Order, FeedError> {
    let no_order = || FeedError::NoOrder(line.to_owned());
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or_else(no_order);
    let (id, city, cents) = (word()?, word()?, word()?);
    Ok(Order {
        id: id.parse().map_err(|_| no_order())?,
        city: city.to_owned(),
        cents: cents.parse().map_err(|_| no_order())?,
    })
}

/// Prints how many milliseconds after `start` something was there.
fn tell(start: Instant, what: impl Display) {
    println!("  {:>5}  {what}", format!("{:?}", start.elapsed()));
}

/// The answer, or nothing: then the error is printed.
fn told<T>(start: Instant, answer: Result<T, impl Display>) -> Option<T> {
    answer.map_err(|error| tell(start, error)).ok()
}

fn ids<'a>(orders: impl IntoIterator<Item = &'a Order>) -> String {
    let ids: Vec<_> = orders.into_iter().map(|order| order.id.to_string()).collect();
    ids.join(", ")
}

async fn report() {
    let shop = Site::default()
        .with_reply("/archive", Reply::page(ms(20), "1 Rome 1200\n2 Oslo 800\n/rest"))
        .with_reply("/rest", Reply::page(ms(20), "3 Oslo 500\n4 Oslo none\n5 Rome 900"))
        .with_page("/stock", ms(10))
        .with_page("/carrier", ms(30))
        .with_page("/mail", ms(70));
    let feed = feed(&shop).await;
    let orders: Vec<_> = feed.iter().flatten().cloned().collect();
    let in_stock = look_up(&shop, &orders).await;
    quotes(&shop, &in_stock).await;
    confirm(&shop, &in_stock).await;
    ledger(&orders).await;
    numbers(feed, &orders).await;
    tills().await;
    closing_time().await;
}

// ANCHOR: sources
/// The orders of the archive: one request for each page, made when it is asked for.
fn archive(shop: &Site) -> impl Stream<Item = Result<Order, FeedError>> + use<> {
    let shop = shop.clone();
    let page = move |path: String| {
        shop.fetch(&path).map_ok(|page| {
            let lines = page.body.lines().map(str::to_owned);
            let (next, items) = lines.partition::<Vec<_>, _>(|it| it.starts_with('/'));
            Page { items, next: next.into_iter().next() }
        })
    };
    let lines = pages("/archive".to_owned(), page).map_err(FeedError::Archive);
    let lines = lines.map_ok(|lines| stream::iter(lines.into_iter().map(Ok)));
    lines.try_flatten().and_then(|line| ready(parsed(&line)))
}

/// The orders that come now, one every 30 ms, drawn by a task.
fn live() -> impl Stream<Item = Result<Order, FeedError>> {
    let lines = stream::iter(["6 Rome 300", "7 Oslo 700", "8 Oslo 4000"]);
    let lines = lines.then(|line| async move {
        sleep(ms(30)).await;
        parsed(line)
    });
    prefetch(lines, TWO)
}

async fn feed(shop: &Site) -> Vec<Result<Order, FeedError>> {
    println!("The feed: an archive of two pages, and what comes now");
    let start = Instant::now();
    let feed = urgent_first(live(), archive(shop), TWO);
    let told = feed.inspect(|order| match order {
        Ok(Order { id, city, cents }) => tell(start, format!("{id} {city} {cents}")),
        Err(error) => tell(start, error),
    });
    told.collect().await
}
// ANCHOR_END: sources

// ANCHOR: look_up
/// Asks for the stock of each order, and leaves out those that are sold out.
async fn look_up(shop: &Site, orders: &[Order]) -> Vec<Order> {
    println!("Is it in stock? 10 ms for each question");
    let ask = |order: Order| shop.fetch("/stock").map_ok(move |_| order.id);
    let orders = || stream::iter(orders.to_vec());

    let start = Instant::now();
    let asked = one_by_one(orders(), ask);
    let answers = asked.filter_map(|answer| ready(told(start, answer))).count().await;
    tell(start, format!("{answers} answers, one by one"));

    let start = Instant::now();
    let asked = a_few_at_once(orders(), THREE, ask);
    let answers = asked.filter_map(|answer| ready(told(start, answer))).count().await;
    tell(start, format!("{answers} answers, three at a time"));

    let start = Instant::now();
    let in_stock = |order: &Order| {
        let sold_out = order.id == 6;
        let answer = shop.fetch("/stock");
        answer.map(move |answer| told(start, answer).is_some() && !sold_out)
    };
    let kept: Vec<_> = allowed(orders(), THREE, in_stock).collect().await;
    tell(start, format!("kept: {}", ids(&kept)));
    kept
}
// ANCHOR_END: look_up

// ANCHOR: quotes
/// Gets a price of the carrier for each order, and stores the prices in batches.
async fn quotes(shop: &Site, orders: &[Order]) {
    println!("A carrier that allows ten a second; batches of 3, or what 150 ms bring");
    let ten = const { NonZeroU32::new(10).unwrap() };
    let burst = NonZeroU32::MIN.saturating_add(1);
    let rate = Rate { tokens: ten, per: Duration::from_secs(1), burst };
    let Ok(limiter) = Limiter::new(rate) else { return };

    let start = Instant::now();
    let quote = |order: Order| {
        let answer = shop.fetch("/carrier");
        answer.map_ok(|_| order)
    };
    let quoted = paced(stream::iter(orders.to_vec()), THREE, limiter, quote);
    let quoted = quoted.filter_map(|answer| ready(told(start, answer)));
    let store = |batch: Vec<Order>| {
        tell(start, format!("stored: {}", ids(&batch)));
        ready(batch.len())
    };
    let batches = in_batches(quoted, THREE, ms(150), store);
    let stored = batches.fold(0, |sum, size| ready(sum + size)).await;
    tell(start, format!("{stored} stored"));
}
// ANCHOR_END: quotes

// ANCHOR: confirm
/// Tells each customer by mail that the order is on its way.
async fn confirm(shop: &Site, orders: &[Order]) {
    println!("Mails of 70 ms each: one every 40 ms, no more than two at once");
    let start = Instant::now();
    let mail = |order: &Order| {
        let id = order.id;
        shop.fetch("/mail").map_ok(move |_| id)
    };
    let mails = spaced(orders, ms(40), TWO, mail);
    let told = mails.try_for_each(|id| {
        tell(start, format!("confirmed: {id}"));
        ready(Ok(()))
    });
    if let Err(error) = told.await {
        tell(start, format!("no more mails: {error}"));
    }
}
// ANCHOR_END: confirm

// ANCHOR: ledger
/// Prints what is written to it.
struct Ledger(Instant);

impl Store<String> for Ledger {
    type Error = Infallible;

    async fn write(&mut self, page: u64, lines: &[String]) -> Result<(), Infallible> {
        tell(self.0, format!("page {page}: {}", lines.join(", ")));
        Ok(())
    }
}

/// Writes orders by the page, on a task of its own, until it is closed.
async fn ledger(orders: &[Order]) {
    println!("A ledger: pages of 3 lines, of 30 bytes, or of what a minute brings");
    let start = Instant::now();
    let limits = Limits {
        items: THREE,
        weight: NonZeroUsize::MIN.saturating_add(29),
        age: Duration::from_mins(1),
    };
    let (intake, pages) = batcher(limits, THREE, String::len);
    let ledger = writer(pages, Ledger(start));
    for Order { id, city, cents } in orders {
        sleep(ms(10)).await;
        let accepted = intake.send(format!("{id} {city} {cents}")).await;
        accepted.unwrap_or_else(|error| tell(start, error));
    }
    sleep(ms(25)).await;
    intake.close(); // what is there is written now
    let written = matches!(ledger.await, Ok(Ok(_)));
    tell(start, format!("closed, and all is written: {written}"));
    if let Err(refused) = intake.send("9 Rome 100".to_owned()).await {
        tell(start, refused);
    }
}
// ANCHOR_END: ledger

// ANCHOR: numbers
/// The numbers of the report.
async fn numbers(feed: Vec<Result<Order, FeedError>>, orders: &[Order]) {
    println!("The numbers");
    let cents = |order: Result<Order, FeedError>| order.map(|order| order.cents);
    match total(stream::iter(feed).map(cents)).await {
        Ok(total) => println!("         total: {total}"),
        Err(error) => {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            println!("         no total of the feed: {error}: {cause}");
        }
    }
    let orders = || stream::iter(orders);
    let sum = orders().fold(0, |sum, order| ready(sum + order.cents)).await;
    println!("         total of what is an order: {sum}");
    let larger = |a, b| std::cmp::max_by_key(a, b, |order: &&Order| order.cents);
    if let Some(largest) = reduce(orders(), larger).await {
        println!("         largest: {} from {}", largest.id, largest.city);
    }
    let runs = reduce_runs(orders(), |order| &order.city, larger);
    let runs = runs.map(|(city, largest)| format!("{city} {}", largest.id));
    let runs: Vec<_> = runs.collect().await;
    println!("         largest of each run of a city: {}", runs.join(", "));
    let second_page: Vec<_> = part(orders(), 2, 3).collect().await;
    println!("         the third to the fifth: {}", ids(second_page));
}
// ANCHOR_END: numbers

// ANCHOR: opening
/// What one till takes: an amount each `pace`.
fn till(pace: Duration, cents: &'static [u64]) -> BoxStream<'static, u64> {
    let cents = stream::iter(cents).then(move |cents| async move {
        sleep(pace).await;
        *cents
    });
    cents.boxed()
}

/// Which tills open and close, one change after the other.
fn one_morning() -> impl Stream<Item = Change<&'static str, BoxStream<'static, u64>>> {
    let changes = stream::iter([
        (ms(5), Change::Add("Rome", till(ms(30), &[1200, 300, 900]))),
        (ms(35), Change::Add("Oslo", till(ms(20), &[800, 500, 700, 4000]))),
        (ms(50), Change::Remove("Oslo")),
        (ms(20), Change::Add("Pisa", stream::pending().boxed())), // no customer
    ]);
    changes.then(|(wait, change)| async move {
        sleep(wait).await;
        change
    })
}
// ANCHOR_END: opening

// ANCHOR: tills
/// Adds up what all tills take, with a display, until nothing has come for 100 ms.
async fn tills() {
    println!("Tills, a display each 50 ms, and an end after 100 ms of silence");
    let start = Instant::now();
    let taken = until_silence(keyed(one_morning()), ms(100)).map(Some);
    let skip = MissedTickBehavior::Skip;
    let Ok(display) = ticks(start + ms(50), ms(50), skip) else { return };
    let mut events = pin!(while_open(taken, display.map(|_due| None)));
    let mut sum = 0;
    while let Some(event) = events.next().await {
        match event {
            Some((city, Some(cents))) => {
                sum += cents;
                tell(start, format!("{city} {cents}"));
            }
            Some((city, None)) => tell(start, format!("{city} has closed")),
            None => tell(start, format!("display: {sum}")),
        }
    }
    tell(start, format!("silence: {sum}"));
}
// ANCHOR_END: tills

// ANCHOR: closing_time
/// Counts what comes until the shop closes; the rest is still in the stream.
async fn closing_time() {
    println!("The shop closes after 70 ms");
    let start = Instant::now();
    let mut live = pin!(live());
    let mut count = 0;
    let add = |count: &mut usize, _| *count += 1;
    let closed = fold_until(&mut live, sleep(ms(70)), &mut count, add).await;
    tell(start, format!("closed: {}, orders: {count}", closed.is_some()));
    let rest = live.filter_map(|order| ready(told(start, order)));
    tell(start, format!("for tomorrow: {}", ids(&rest.collect::<Vec<_>>().await)));
}
// ANCHOR_END: closing_time
