use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use backend::figure::{Figure, Observed, observe};
use futures::stream::{self, StreamExt};
use stream_processing::fold_and_take::{part, reduce_runs};
use tokio::time::sleep;

/// 1 to 9, one every 10 ms.
fn source() -> Observed<'static, u64> {
    let numbers = stream::iter(1..10).then(|n| async move {
        sleep(Duration::from_millis(10)).await;
        n
    });
    observe("source", numbers)
}

#[test]
fn fold_and_take() {
    let folded = || {
        let sum = source().fold(0, |sum, n| ready(sum + n));
        observe("fold(+)", stream::once(sum)).collect::<Vec<_>>()
    };
    let taken = || observe("skip(2).take(3)", part(source(), 2, 3)).count();
    let while_small = || async {
        let mut source = source();
        let small = source.by_ref().take_while(|n| ready(*n < 4));
        observe("take_while(n < 4)", small).count().await;
        observe("what is left", source).count().await
    };
    let until = || async {
        let mut source = source();
        let stop = pin!(sleep(Duration::from_millis(35)));
        observe("take_until(35 ms)", source.by_ref().take_until(stop)).count().await;
        observe("what is left", source).count().await
    };
    let runs = || {
        let runs = reduce_runs(source(), |n| n / 4, |sum, n| sum + n);
        observe("sums of runs", runs.map(|(_, sum)| sum)).count()
    };
    Figure::new("fold-and-take", "A number every 10 ms, folded, or taken in part")
        .panel("fold: one item, at the end", folded)
        .panel("skip, take: five items", taken)
        .panel("take_while: 4 is taken, and lost", while_small)
        .panel("take_until: 4 is left", until)
        .panel("reduce_runs: 4 and 8 begin the next run", runs)
        .check();
}
