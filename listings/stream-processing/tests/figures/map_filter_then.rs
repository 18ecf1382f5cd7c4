use std::num::NonZeroUsize;
use std::time::Duration;

use backend::Site;
use backend::figure::{Figure, lane, observe};
use futures::stream::{self, StreamExt};
use stream_processing::map_filter_then::{a_few_at_once, one_by_one};

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

#[test]
fn map_filter_then() {
    let site = [30, 10, 20, 10, 10].into_iter().zip(1..).fold(
        Site::default(),
        |site, (after, n): (u64, u64)| {
            site.with_page(&format!("{n}"), Duration::from_millis(after))
        },
    );
    let ask = |n: u64| {
        let answer = site.fetch(&format!("{n}"));
        lane(&format!("ask {n}"), async move { answer.await.map_or(0, |_| n) })
    };
    let one = || observe("then", one_by_one(stream::iter(1..=5), ask)).count();
    let few = || {
        observe("map, buffered", a_few_at_once(stream::iter(1..=5), THREE, ask)).count()
    };
    Figure::new("map-filter-then", "Five questions of 30, 10, 20, 10 and 10 ms")
        .panel("then", one)
        .panel("map and buffered(3)", few)
        .check();
}
