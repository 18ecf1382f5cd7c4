use super::fail_fast_tasks::look_up;
use super::shown::fail_fast::all_tasks_or_error;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: set
    for tables in [[("balance", 60), ("orders", 30)], [("balance", 60), ("name", 10)]] {
        let work = tables.map(|(table, millis)| look_up(table, millis));
        println!("{:?}", all_tasks_or_error(work).await);
    }
    // ANCHOR_END: set
}
