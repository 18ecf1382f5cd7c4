use super::cancel_a_computation::page;
use super::shown::cancel_a_computation::{End, in_pieces};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    // ANCHOR: limit
    let limit = stop.child_token(); // cancelled with `stop`
    let timer = tokio::spawn({
        let limit = limit.clone();
        async move {
            sleep(Duration::from_millis(5)).await;
            limit.cancel();
        }
    });
    let end = in_pieces(&limit, 0, page).await;
    timer.abort(); // if the work was faster
    // ANCHOR_END: limit
    match end {
        Ok(End::Done(pages)) => println!("{pages} pages"),
        Ok(End::Stopped(pages)) => println!("stopped early: {}", pages < 1_000),
        Err(panic) => println!("{panic}"),
    }
}
