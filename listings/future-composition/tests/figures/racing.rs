use std::future::Future;
use std::time::Duration;

use backend::figure::{Figure, try_lane};
use backend::{Page, Reply, Site, SiteError};
use future_composition::hedge::hedge;
use future_composition::racing::{either_success, first_to_finish};
use futures::stream::{FuturesUnordered, StreamExt};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The mirror is the quicker, and says 503 when it is down.
fn servers(mirror: Reply) -> Site {
    Site::default().with_page("primary", ms(60)).with_reply("mirror", mirror)
}

fn up() -> Site {
    servers(Reply::page(ms(30), "here"))
}

fn down() -> Site {
    servers(Reply::status(ms(30), 503))
}

/// Polled only when its own timer has woken it: which side `select!` polls first is chance,
/// and the picture must not depend on it.
fn ask(
    site: &Site,
    path: &'static str,
) -> impl Future<Output = Result<Page, SiteError>> + use<> {
    let mut lane = FuturesUnordered::from_iter([try_lane(path, site.fetch(path))]);
    async move { lane.next().await.expect("it holds one future") }
}

#[test]
fn racing() {
    let (up, down) = (up(), down());
    let slow = Site::default().with_page("primary", ms(90)).with_page("mirror", ms(20));
    Figure::new("racing", "The winner is done, the losers are dropped at that moment")
        .panel("first to finish", || {
            first_to_finish(ask(&up, "primary"), ask(&up, "mirror"), ms(1000))
        })
        .panel("first to finish: an error wins", || {
            first_to_finish(ask(&down, "primary"), ask(&down, "mirror"), ms(1000))
        })
        .panel("first to succeed", || {
            either_success(ask(&down, "primary"), ask(&down, "mirror"))
        })
        .panel("hedge: the mirror is asked after 50 ms", || {
            hedge(ask(&slow, "primary"), ms(50), || ask(&slow, "mirror"))
        })
        .check();
}
