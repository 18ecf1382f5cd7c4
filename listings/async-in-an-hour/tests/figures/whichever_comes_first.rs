use std::future::Future;
use std::pin::pin;

use backend::figure::{Figure, lane};
use tokio::select;
use tokio::time::sleep;

use crate::ms;

/// A question that needs `millis`, with a lane of its own.
fn ask(name: &str, millis: u64) -> impl Future<Output = ()> + use<> {
    lane(name, sleep(ms(millis)))
}

/// Which branch is polled first is chance, unless it is `biased`: the picture must not depend on it.
async fn two_servers() {
    let (north, south) = (ask("north", 200), ask("south", 100));
    select! {
        biased;
        () = south => {}
        () = north => {}
    }
    sleep(ms(150)).await;
}

async fn before_the_loop() {
    let mut answer = pin!(ask("answer", 250));
    for round in 1.. {
        select! {
            biased;
            () = &mut answer => break,
            () = ask(&format!("sleep {round}"), 100) => {}
        }
    }
}

async fn in_each_round() {
    for round in 1..=3 {
        select! {
            biased;
            () = sleep(ms(100)) => {}
            () = ask(&format!("question {round}"), 250) => {}
        }
    }
}

#[test]
fn whichever_comes_first() {
    Figure::new("whichever-comes-first", "The winner is done, the loser is dropped")
        .panel("two servers: south wins", two_servers)
        .panel("in a loop, the question made before it", before_the_loop)
        .panel("in a loop, the question made in each round", in_each_round)
        .check();
}
