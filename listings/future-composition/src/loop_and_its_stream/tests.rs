use super::*;
use backend::{Load, Site, cancel, ends};
use futures::FutureExt;
use futures::stream;
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn is_stuck(future: impl Future) -> bool {
    timeout(HOUR, future).await.is_err()
}

fn fetch(site: &Site, path: &str) -> impl Future<Output = ()> + Send + use<> {
    site.fetch(path).map(|page| assert!(page.is_ok()))
}

/// Three rows of 10 ms to fetch and 10 ms to store, from a service that counts both.
fn rows() -> Site {
    let page = |site: Site, path: &&str| site.with_page(path, ms(10));
    ["a", "b", "c", "store"].iter().fold(Site::default(), page)
}

#[tokio::test(start_paused = true)]
async fn a_permit_in_the_stream_stops_the_loop_body() {
    for permits in 1..=2 {
        let (site, gate) = (rows(), Semaphore::new(permits));
        let copy = naive::fetch_and_store(
            ["a", "b", "c"],
            &gate,
            |path| fetch(&site, path),
            |()| fetch(&site, "store"),
        );
        assert!(is_stuck(copy).await);
        assert_eq!(site.calls("store"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_buffered_stream_is_the_same() {
    let (site, gate) = (rows(), Semaphore::new(1));
    let gated = |path| {
        let (site, gate) = (&site, &gate);
        async move {
            let _permit = gate.acquire().await.unwrap();
            fetch(site, path).await;
        }
    };
    let copy = stream::iter(["a", "b", "c"])
        .map(gated)
        .buffer_unordered(2)
        .for_each(|()| gated("store"));
    assert!(is_stuck(copy).await);
    assert_eq!(site.calls("store"), 0);
}

#[tokio::test(start_paused = true)]
async fn with_the_storing_inside_all_rows_are_stored() {
    for (permits, took) in [(1, 60), (2, 40), (3, 20)] {
        let (site, gate, start) = (rows(), Semaphore::new(permits), Instant::now());
        let fetch_row = |path| fetch(&site, path);
        let store = |()| fetch(&site, "store");
        let copy = fetch_and_store(["a", "b", "c"], &gate, fetch_row, store);
        ends(copy).await.unwrap();
        assert_eq!(start.elapsed(), ms(took));
        let load =
            Load { calls: 6, in_flight: 0, peak: permits, answered: 6, dropped: 0 };
        assert_eq!((site.load(), site.calls("store")), (load, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn no_row_is_asked_for_before_it_has_its_permit() {
    let (site, gate, start) = (rows(), Semaphore::new(1), Instant::now());
    let asked = RefCell::new(Vec::new());
    let fetch_row = |path| {
        asked.borrow_mut().push(start.elapsed());
        fetch(&site, path)
    };
    let store = |()| fetch(&site, "store");
    ends(fetch_and_store(["a", "b", "c"], &gate, fetch_row, store)).await.unwrap();
    assert_eq!(asked.take(), [ms(0), ms(20), ms(40)]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_copy_gives_its_permits_back() {
    let (site, gate) = (rows(), Semaphore::new(2));
    let make = || {
        let fetch_row = |path| fetch(&site, path);
        let store = |()| fetch(&site, "store");
        fetch_and_store(["a", "b", "c"], &gate, fetch_row, store)
    };
    let points = cancel::at_every_await(make, |_, _| {
        assert_eq!((gate.available_permits(), site.load().in_flight), (2, 0));
    });
    assert!(
        ends(points).await >= 5,
        "before the first poll, and at each of four steps"
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_is_an_error() {
    let (site, gate) = (rows(), Semaphore::new(2));
    gate.close();
    let fetch_row = |path| fetch(&site, path);
    let store = |()| fetch(&site, "store");
    assert!(fetch_and_store(["a", "b", "c"], &gate, fetch_row, store).await.is_err());
    assert_eq!(site.load(), Load::default());
}

#[tokio::test(start_paused = true)]
async fn copying_can_be_spawned() {
    let (site, gate) = (rows(), Semaphore::new(2));
    let all = async move {
        let fetch_row = |path| fetch(&site, path);
        let store = |()| fetch(&site, "store");
        fetch_and_store(["a", "b", "c"], &gate, fetch_row, store).await
    };
    ends(tokio::spawn(all)).await.unwrap().unwrap();
}
