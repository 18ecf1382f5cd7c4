use super::closures_that_borrow::save;
use future_composition::closures_that_borrow::save_in_tasks;
use tokio::task::JoinError;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), JoinError> {
    // ANCHOR: tasks
    println!("saved: {} cents", save_in_tasks(vec![12, 30, 8], save).await?);
    // ANCHOR_END: tasks
    Ok(())
}
