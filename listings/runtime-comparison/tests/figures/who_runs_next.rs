use std::time::Duration;

use backend::figure::{Figure, observe};
use futures::StreamExt;
use runtime_comparison::who_runs_next::ping_pong;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

/// The turns of a run on `runtime`. It is over before the figure is drawn, a millisecond a turn.
fn turns(runtime: &Runtime) -> String {
    runtime.block_on(async { tokio::spawn(ping_pong()).await.unwrap() })
}

/// A mark for each turn of `name`.
async fn row(name: char, turns: &str) {
    let own = turns.chars().zip(1..).filter(|(who, _)| *who == name);
    let own: Vec<u64> = own.map(|(_, turn)| turn).collect();
    let mut last = 0;
    let marks = futures::stream::iter(own).then(move |turn| {
        let wait = Duration::from_millis(turn - std::mem::replace(&mut last, turn));
        async move {
            sleep(wait).await;
            turn
        }
    });
    observe(&name.to_string(), marks).for_each(|_| std::future::ready(())).await;
}

async fn rows(turns: String) {
    tokio::join!(biased; row('A', &turns), row('B', &turns), row('C', &turns));
}

#[test]
fn who_runs_next() {
    let worker = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let thread = Builder::new_current_thread().build().unwrap();
    let (worker, thread) = (turns(&worker), turns(&thread));
    Figure::new("who-runs-next", "A and B wake each other, and C is ready")
        .panel("multi_thread, with one worker", || rows(worker))
        .panel("current_thread", || rows(thread))
        .check();
}
