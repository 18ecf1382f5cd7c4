use std::time::Duration;

use backend::figure::{Figure, try_lane};
use backend::{Page, Reply, Site, SiteError};
use future_composition::all_at_once::{all_three, naive};
use future_composition::fail_fast::all_or_error;
use tokio::time::timeout;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Three tables, each with an answer after 100 ms.
fn up() -> Site {
    ["name", "orders", "balance"]
        .iter()
        .fold(Site::default(), |site, table| site.with_page(table, ms(100)))
}

/// The lookup of `table`, with a lane from its first poll.
async fn look_up(site: &Site, table: &str) -> Result<Page, SiteError> {
    try_lane(table, site.fetch(table)).await
}

#[test]
fn four_ways() {
    let healthy = up();
    let down = up().with_reply("name", Reply::status(ms(10), 500));
    let silent = up().with_page("orders", ms(10_000));
    Figure::new("four-ways", "Three lookups, and when the wait for them ends")
        .panel("one after another: the sum", || {
            let look_up = |table| look_up(&healthy, table);
            naive::one_by_one(look_up("name"), look_up("orders"), look_up("balance"))
        })
        .panel("join!: the slowest", || {
            let look_up = |table| look_up(&healthy, table);
            all_three(look_up("name"), look_up("orders"), look_up("balance"))
        })
        .panel("try_join!: the first error", || {
            let look_up = |table| look_up(&down, table);
            all_or_error(look_up("name"), look_up("orders"), look_up("balance"))
        })
        .panel("timeout around join!: the limit", || {
            let look_up = |table| look_up(&silent, table);
            let all = all_three(look_up("name"), look_up("orders"), look_up("balance"));
            timeout(ms(150), all)
        })
        .check();
}
