use std::time::Duration;

use backend::figure::{Figure, lane};
use backend::{Page, Site, SiteError};
use future_composition::all_at_once::{all_three, naive};

fn lookups(site: Site) -> Site {
    site.with_page("name", Duration::from_millis(40))
        .with_page("orders", Duration::from_millis(100))
        .with_page("balance", Duration::from_millis(60))
}

/// Its lane begins where it is first polled.
async fn look_up(site: &Site, path: &str) -> Result<Page, SiteError> {
    lane(path, site.fetch(path)).await
}

#[test]
fn all_at_once() {
    let free = lookups(Site::default());
    let narrow = lookups(Site::with_connections(1));
    let all = |site| {
        move || {
            all_three(
                look_up(site, "name"),
                look_up(site, "orders"),
                look_up(site, "balance"),
            )
        }
    };
    let one_by_one = || {
        let look_up = |path| look_up(&free, path);
        naive::one_by_one(look_up("name"), look_up("orders"), look_up("balance"))
    };
    Figure::new("all-at-once", "All three are waited for, in turn or at once")
        .panel("one by one: the sum", one_by_one)
        .panel("join!: the longest", all(&free))
        .panel("join! on one connection", all(&narrow))
        .check();
}
