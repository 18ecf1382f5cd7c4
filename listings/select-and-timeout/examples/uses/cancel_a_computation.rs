use select_and_timeout::cancel_a_computation::{End, in_pieces};
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// One page of a report of 1,000 pages. In a real program, this computes for 1 ms.
pub(crate) fn page(done: &mut usize) -> ControlFlow<()> {
    thread::sleep(Duration::from_millis(1));
    *done += 1;
    if *done < 1_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// In a real program: `tokio::signal::ctrl_c`. Here, the user presses it after 10 ms.
pub(crate) async fn ctrl_c() {
    sleep(Duration::from_millis(10)).await;
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    let user = stop.clone();
    tokio::spawn(async move {
        ctrl_c().await;
        user.cancel();
    });
    match in_pieces(&stop, 0, page).await {
        Ok(End::Done(pages)) => println!("{pages} pages"),
        Ok(End::Stopped(pages)) => println!("stopped early: {}", pages < 1_000),
        Err(panic) => println!("{panic}"),
    }
}
