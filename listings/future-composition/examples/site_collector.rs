//! Collect a site: all at once, fail fast, race, many futures, a few at a time, a limit, an atomic write.
//!
//! The first half runs on the paused clock against a scripted service, so its times are exact; the second
//! over real HTTP on 127.0.0.1 into a real file, and says what came in which order, never when.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use backend::{HttpReply, HttpSite, Page, Reply, Site, SiteError};
use future_composition::all_at_once::all_three;
use future_composition::atomic_write::replace;
use future_composition::bounded_concurrency::few_at_a_time;
use future_composition::fail_fast::{all_or_error, all_tasks_or_error};
use future_composition::hedge::hedge;
use future_composition::many_futures::{as_they_come, before, on_tasks};
use future_composition::race_a_list::first_by_name;
use future_composition::racing::first_to_finish;
use future_composition::time_limit::{task_within, within};
use futures::future::TryFutureExt;
use futures::stream::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

fn main() -> io::Result<()> {
    println!("On the paused clock");
    let paused =
        Builder::new_current_thread().enable_time().start_paused(true).build()?;
    paused.block_on(on_the_paused_clock());
    println!("\nOver HTTP on 127.0.0.1, into a file");
    Runtime::new()?.block_on(into_a_file())
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn on_the_paused_clock() {
    let site = Site::default()
        .with_page("/a", ms(30))
        .with_page("/b", ms(10))
        .with_page("/c", ms(20))
        .with_reply("/down", Reply::status(ms(5), 503));
    together(&site).await;
    races(&site).await;
    many(&site).await;
    limits(&site).await;
}

/// The path of a page, or the error.
fn fetch(
    site: &Site,
    path: &str,
) -> impl Future<Output = Result<String, SiteError>> + Send + use<> {
    site.fetch(path).map_ok(|page: Page| page.path)
}

/// Prints what came, and after how long.
async fn tell<T: Debug>(what: &str, call: impl Future<Output = T>) {
    let start = Instant::now();
    let outcome = call.await;
    println!("  {:>5}  {what}: {outcome:?}", format!("{:?}", start.elapsed()));
}

// ANCHOR: together
async fn together(site: &Site) {
    let page = |path: &str| fetch(site, path);
    tell("join!", all_three(page("/a"), page("/b"), page("/c"))).await;
    tell("join!, one fails", all_three(page("/a"), page("/down"), page("/c"))).await;
    tell("try_join!", all_or_error(page("/a"), page("/b"), page("/c"))).await;
    let dropped = site.load().dropped;
    tell("try_join!, one fails", all_or_error(page("/a"), page("/down"), page("/c")))
        .await;
    println!("         dropped on the way: {}", site.load().dropped - dropped);
    tell("tasks", all_tasks_or_error([page("/a"), page("/b")])).await;
    tell("tasks, one fails", all_tasks_or_error([page("/a"), page("/down")])).await;
}
// ANCHOR_END: together

// ANCHOR: races
async fn races(site: &Site) {
    let page = |path: &str| fetch(site, path);
    tell("first to finish", first_to_finish(page("/a"), page("/b"), ms(100))).await;
    tell(
        "first to finish, an error",
        first_to_finish(page("/a"), page("/down"), ms(100)),
    )
    .await;
    tell("first to finish, too late", first_to_finish(page("/a"), page("/b"), ms(1)))
        .await;
    let requests = ["/down", "/a", "/c"].map(|path| (path, page(path)));
    tell("first to succeed", first_by_name(requests)).await;
    let requests = [("/down", page("/down"))];
    tell("first to succeed, none", first_by_name(requests)).await;
    tell("hedged, not needed", hedge(page("/b"), ms(15), || page("/c"))).await;
    tell("hedged, the backup wins", hedge(page("/a"), ms(5), || page("/b"))).await;
}
// ANCHOR_END: races

// ANCHOR: many
async fn many(site: &Site) {
    let paths = ["/a", "/b", "/down", "/c"];
    let page = |path: &'static str| fetch(site, path);
    let found = |(path, outcome): (&'static str, Result<String, SiteError>)| {
        (path, outcome.is_ok())
    };
    tell(
        "as they come, two at a time",
        as_they_come(paths, TWO, page).map(found).collect::<Vec<_>>(),
    )
    .await;
    let tasks = on_tasks(paths, TWO, page)
        .map(|(path, answer)| (path, matches!(answer, Ok(Ok(_)))));
    tell("on tasks, two at a time", tasks.collect::<Vec<_>>()).await;
    let answers = as_they_come(paths, NonZeroUsize::MAX, page).map(|(path, _)| path);
    tell("what came within 25 ms", before(Instant::now() + ms(25), answers)).await;
}
// ANCHOR_END: many

// ANCHOR: limits
async fn limits(site: &Site) {
    tell("in time", within("page c", ms(25), fetch(site, "/c"))).await;
    match within("page a", ms(25), fetch(site, "/a")).await {
        Ok(outcome) => println!("  {outcome:?}"),
        Err(late) => println!("  late: {late}"),
    }
    let dropped = site.load().dropped;
    let task = tokio::spawn(fetch(site, "/a"));
    match task_within("page a, as a task", ms(25), task).await {
        Ok(outcome) => println!("  {outcome:?}"),
        Err(late) => println!("  late: {late}"),
    }
    println!("  and its call was dropped: {}", site.load().dropped > dropped);
}
// ANCHOR_END: limits

// ANCHOR: into_a_file
async fn into_a_file() -> io::Result<()> {
    let paths = ["/1", "/2", "/3", "/4"];
    let reply = HttpReply::ok("a page").together(TWO.get());
    let site = paths
        .iter()
        .fold(HttpSite::default(), |site, path| site.with_reply(path, reply.clone()));
    let server = site.start().await;
    let client = reqwest::Client::new();
    let fetch = |path: &'static str| {
        let (client, url) = (client.clone(), server.url(path));
        // The body is read here, while the request still counts.
        async move {
            (
                path,
                client.get(url).send().and_then(reqwest::Response::text).await.is_ok(),
            )
        }
    };
    let mut found: Vec<_> = few_at_a_time(paths, TWO, fetch).collect().await;
    found.sort_unstable();
    println!("  {found:?}");
    server.until(|load| load.answered == paths.len()).await;
    println!("  at most {} at a time", server.load().peak);

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("pages.txt");
    tokio::fs::write(&file, "the old list").await?;
    let kept = async || tokio::fs::read_to_string(&file).await;
    if let Err(error) =
        replace(&file, |_| Err(io::Error::other("the disk is full"))).await
    {
        println!("  failed in the step {:?}: {:?}", error.step, kept().await?);
    }
    if replace(&file, |file| write!(file, "the new list")).await.is_ok() {
        println!("  replaced: {:?}", kept().await?);
    }
    let names = std::fs::read_dir(folder.path())?.count();
    println!("  files in the folder: {names}");
    Ok(())
}
// ANCHOR_END: into_a_file
