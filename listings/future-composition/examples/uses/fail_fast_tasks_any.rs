use super::fail_fast_tasks::look_up;
use super::shown::fail_fast::in_task;
use tokio::try_join;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: any
    let orders = in_task(look_up("orders", 30));
    let balance = in_task(look_up("balance", 60));
    println!("{:?}", try_join!(orders, balance));
    // ANCHOR_END: any
}
