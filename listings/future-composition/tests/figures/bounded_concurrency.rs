use std::num::NonZeroUsize;
use std::time::Duration;

use backend::Site;
use backend::figure::{Figure, lane};
use future_composition::bounded_concurrency::{few_at_a_time, naive};
use futures::StreamExt;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const PATHS: [&str; 5] = ["slow", "b", "c", "d", "e"];

fn one_slow_page() -> Site {
    PATHS.iter().fold(Site::default(), |site, path| {
        site.with_page(
            path,
            Duration::from_millis(if *path == "slow" { 100 } else { 20 }),
        )
    })
}

#[test]
fn bounded_concurrency() {
    let site = one_slow_page();
    let fetch = |path: &'static str| lane(path, site.fetch(path));
    Figure::new("bounded-concurrency", "Five pages, two at a time")
        .panel("buffer_unordered", || {
            few_at_a_time(PATHS, TWO, fetch).collect::<Vec<_>>()
        })
        .panel("chunks", || naive::in_chunks(PATHS.to_vec(), TWO, fetch))
        .panel("buffered", || naive::in_order(PATHS, TWO, fetch).collect::<Vec<_>>())
        .check();
}
