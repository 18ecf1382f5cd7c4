use std::time::Duration;

use backend::figure::{Figure, Observed, observe};
use tokio_stream::StreamExt;

/// Four readings, one every second.
fn thermometer() -> Observed<'static, i32> {
    let readings = tokio_stream::iter([19, 24, 21, 26]);
    observe("thermometer", readings.throttle(Duration::from_secs(1)))
}

async fn all() {
    thermometer().collect::<Vec<_>>().await;
}

async fn take_last() {
    let warm = thermometer().map(|degrees| degrees - 1).filter(|degrees| *degrees > 20);
    observe("printed", warm.take(2)).collect::<Vec<_>>().await;
}

async fn take_first() {
    let two = thermometer().take(2).map(|degrees| degrees - 1);
    observe("printed", two.filter(|degrees| *degrees > 20)).collect::<Vec<_>>().await;
}

#[test]
fn a_stream() {
    Figure::new("a-stream", "Readings of a thermometer, and what is printed of them")
        .panel("all of them", all)
        .panel("map, filter, take(2)", take_last)
        .panel("take(2), map, filter", take_first)
        .check();
}
