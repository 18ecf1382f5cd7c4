use std::num::NonZeroUsize;
use std::time::Duration;

use backend::Site;
use backend::figure::{Figure, Lane, lane};
use future_composition::many_futures::{naive, on_tasks};
use futures::stream::{self, StreamExt};

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// A page comes in two steps of 100 ms; storing it takes a second.
fn site() -> Site {
    Site::default()
        .with_page("head", Duration::from_millis(100))
        .with_page("body", Duration::from_millis(100))
        .with_page("store", Duration::from_secs(1))
}

fn fetch(site: &Site, id: u64) -> Lane<'static, bool> {
    let site = site.clone();
    lane(&format!("fetch {id}"), async move {
        site.fetch("head").await.is_ok() && site.fetch("body").await.is_ok()
    })
}

#[test]
fn many_futures() {
    let site = site();
    let fetch = |id| fetch(&site, id);
    let store = async |_| site.fetch("store").await.map(drop).unwrap();
    let in_the_loop =
        || lane("loop", naive::store_in_the_loop(1..7, THREE, fetch, &store));
    let on_tasks = || {
        lane("loop", async {
            let mut fetched = std::pin::pin!(on_tasks(1..7, THREE, fetch));
            while let Some(page) = fetched.next().await {
                store(page.1.unwrap()).await;
            }
        })
    };
    let one_piece = |id| {
        let site = site.clone();
        lane(&format!("piece {id}"), async move {
            for step in ["head", "body", "store"] {
                site.fetch(step).await.unwrap();
            }
        })
    };
    let inside =
        || stream::iter(1..7).map(one_piece).buffered(THREE.get()).collect::<Vec<_>>();
    Figure::new("many-futures", "Two steps of 100 ms to fetch a page, 1 s to store it")
        .panel("buffered, stored in the loop", in_the_loop)
        .panel("tasks, stored in the loop", on_tasks)
        .panel("buffered, fetched and stored in one piece", inside)
        .check();
}
