use super::cancel_a_computation::{ctrl_c, page};
use super::shown::cancel_a_computation::in_the_task;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    let user = stop.clone();
    tokio::spawn(async move {
        ctrl_c().await;
        user.cancel();
    });
    // ANCHOR: task
    let mut pages = 0;
    let done = in_the_task(&stop, &mut pages, page).await;
    println!("done: {done}, stopped early: {}", pages < 1_000);
    // ANCHOR_END: task
}
