use std::future::Future;
use std::time::Duration;

use backend::figure::{Figure, try_lane};
use backend::{Page, Reply, Site, SiteError};
use future_composition::fail_fast::{all_or_error, in_task, naive};
use tokio::time::sleep;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The name fails; the orders and the balance would come later.
fn lookups() -> Site {
    Site::default()
        .with_reply("name", Reply::status(ms(10), 500))
        .with_page("orders", ms(30))
        .with_page("balance", ms(50))
}

/// The lookup at `path`, with a lane from its first poll.
async fn look_up(path: &'static str) -> Result<Page, SiteError> {
    try_lane(path, lookups().fetch(path)).await
}

/// Runs the caller, and stays long enough to see what it left behind.
async fn call<T: Send, E: Send>(lookups: impl Future<Output = Result<T, E>> + Send) {
    assert!(try_lane("caller", lookups).await.is_err());
    sleep(ms(50)).await;
}

#[test]
fn fail_fast() {
    Figure::new("fail-fast", "The name fails after 10 ms: what becomes of the other lookups")
        .panel("futures", || {
            call(all_or_error(look_up("name"), look_up("orders"), look_up("balance")))
        })
        .panel("tasks: detached, they run on", || {
            call(async {
                let [name, orders, balance] =
                    ["name", "orders", "balance"].map(|path| tokio::spawn(look_up(path)));
                naive::join_flattened(name, orders, balance).await
            })
        })
        .panel("tasks, each aborted with its handle", || {
            call(all_or_error(
                in_task(look_up("name")),
                in_task(look_up("orders")),
                in_task(look_up("balance")),
            ))
        })
        .check();
}
