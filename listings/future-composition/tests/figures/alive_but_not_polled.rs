use std::time::Duration;

use backend::Site;
use backend::figure::{Figure, Lane, lane};
use future_composition::alive_but_not_polled::{
    fall_back_when_slow, naive, warn_when_slow, warn_when_task_is_slow,
};
use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::task::yield_now;
use tokio::time::sleep;

const LIMIT: Duration = Duration::from_millis(100);

/// The picture stops here; the test waits an hour.
const CUT: Duration = Duration::from_millis(600);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One connection for all three, which the other task has for the first 200 ms.
async fn busy_site() -> Site {
    let site = Site::with_connections(1)
        .with_page("other task", ms(200))
        .with_page("save", ms(50))
        .with_page("warn", ms(20));
    tokio::spawn(call(&site, "other task"));
    yield_now().await;
    site
}

fn call(site: &Site, path: &'static str) -> Lane<'static, ()> {
    lane(path, site.fetch(path).map(|page| assert!(page.is_ok())))
}

#[test]
fn alive_but_not_polled() {
    Figure::new(
        "alive-but-not-polled",
        "One connection: who moves the future that was given it?",
    )
    .panel("the handler awaits: for ever (cut at 600 ms)", async || {
        let site = busy_site().await;
        // Polled only when it is woken: which branch `select!` polls first is chance, and
        // the picture must not depend on it.
        let mut save = FuturesUnordered::from_iter([call(&site, "save")]);
        let save = async move { save.next().await.expect("it holds one future") };
        tokio::spawn(naive::warn_when_slow(save, LIMIT, move || call(&site, "warn")));
        sleep(CUT).await;
    })
    .panel("both polled: join!", async || {
        let site = busy_site().await;
        warn_when_slow(call(&site, "save"), LIMIT, || call(&site, "warn")).await;
    })
    .panel("save is a task", async || {
        let site = busy_site().await;
        warn_when_task_is_slow(call(&site, "save"), LIMIT, || call(&site, "warn"))
            .await
            .unwrap();
    })
    .panel("save is dropped first", async || {
        let site = busy_site().await;
        fall_back_when_slow(call(&site, "save"), LIMIT, || call(&site, "warn")).await;
    })
    .check();
}
