use std::time::Duration;

use backend::figure::{Figure, Lane, try_lane};
use backend::{Page, Reply, Site, SiteError};
use future_composition::racing::{first_to_finish, first_to_succeed, hedge};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The mirror is the quickest, and says 503 when it is down.
fn sources(mirror: Reply) -> Site {
    Site::default()
        .with_page("primary", ms(60))
        .with_reply("mirror", mirror)
        .with_page("archive", ms(90))
}

fn up() -> Site {
    sources(Reply::page(ms(30), "here"))
}

fn down() -> Site {
    sources(Reply::status(ms(30), 503))
}

fn ask<'a>(site: &Site, path: &'static str) -> Lane<'a, Result<Page, SiteError>> {
    try_lane(path, site.fetch(path))
}

#[test]
fn racing() {
    let (up, down) = (up(), down());
    let slow = Site::default().with_page("primary", ms(90)).with_page("backup", ms(30));
    Figure::new("racing", "The winner is done, the losers are dropped at that moment")
        .panel("first to finish: select!", || {
            first_to_finish(ask(&up, "primary"), ask(&up, "mirror"), ms(1000))
        })
        .panel("first to finish: an error wins", || {
            first_to_finish(ask(&down, "primary"), ask(&down, "mirror"), ms(1000))
        })
        .panel("first to succeed", || {
            first_to_succeed(
                ["primary", "mirror", "archive"].map(|path| (path, ask(&down, path))),
            )
        })
        .panel("hedge: the backup starts after 40 ms", || {
            hedge(ask(&slow, "primary"), ms(40), || ask(&slow, "backup"))
        })
        .check();
}
