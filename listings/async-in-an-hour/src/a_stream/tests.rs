use super::*;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// One reading a second, for ever: 19, 24, 21, 26, 19 and so on.
fn thermometer(asked: &Cell<u32>) -> impl Stream<Item = i32> {
    let readings = [19, 24, 21, 26].into_iter().cycle();
    tokio_stream::iter(readings.inspect(|_| asked.set(asked.get() + 1)))
        .throttle(Duration::from_secs(1))
}

#[tokio::test(start_paused = true)]
async fn a_loop_waits_for_each_item_and_ends_with_the_stream() {
    let start = Instant::now();
    let asked = Cell::new(0);
    let mut readings = std::pin::pin!(thermometer(&asked).take(3));
    let mut seen = Vec::new();
    while let Some(degrees) = readings.next().await {
        seen.push((start.elapsed().as_secs(), degrees));
    }
    assert_eq!(seen, [(0, 19), (1, 24), (2, 21)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_the_first_next() {
    let asked = Cell::new(0);
    let mut calls = 0;
    let readings = thermometer(&asked).map(|degrees| {
        calls += 1;
        degrees
    });
    let mut readings = std::pin::pin!(readings);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(asked.get(), 0);
    assert_eq!(readings.next().await, Some(19));
    assert_eq!((asked.get(), calls), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn take_last_asks_until_it_has_two_and_no_more() {
    let (asked, start) = (Cell::new(0), Instant::now());
    let warm = thermometer(&asked).map(|degrees| degrees - 1);
    let warm = warm.filter(|degrees| *degrees > 20).take(2);
    assert_eq!(warm.collect::<Vec<_>>().await, [23, 25]);
    assert_eq!((asked.get(), start.elapsed().as_secs()), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn take_first_asks_for_two_and_keeps_the_warm_ones() {
    let (asked, start) = (Cell::new(0), Instant::now());
    let warm = thermometer(&asked).take(2).map(|degrees| degrees - 1);
    let warm = warm.filter(|degrees| *degrees > 20);
    assert_eq!(warm.collect::<Vec<_>>().await, [23]);
    assert_eq!((asked.get(), start.elapsed().as_secs()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn with_take_an_endless_stream_gives_a_list_after_its_last_item() {
    let (asked, start) = (Cell::new(0), Instant::now());
    let warm = timeout(Duration::from_hours(1), first_warm(thermometer(&asked), 3));
    assert_eq!(warm.await, Ok(vec![24, 21, 26]));
    assert_eq!((asked.get(), start.elapsed().as_secs()), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn without_take_the_list_of_an_endless_stream_never_comes() {
    let asked = Cell::new(0);
    let warm = naive::first_warm(thermometer(&asked), 3);
    let limit = Duration::from_millis(3_599_999);
    timeout(limit, warm).await.unwrap_err();
    assert_eq!(asked.get(), 3_600);
}

#[tokio::test(start_paused = true)]
async fn of_a_stream_that_ends_both_give_the_first_warm_readings() {
    let readings = [20, 21, 19, 22, 23];
    assert_eq!(first_warm(tokio_stream::iter(readings), 2).await, [21, 22]);
    assert_eq!(naive::first_warm(tokio_stream::iter(readings), 2).await, [21, 22]);
}
