use super::racing::{UP, ask};
use super::shown::racing::race_tasks;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: tasks
    match race_tasks(ask("primary", 60, UP), ask("mirror", 30, UP)).await {
        Ok(answer) => println!("{answer:?}"),
        Err(panic) => println!("{panic}"),
    }
    // ANCHOR_END: tasks
}
