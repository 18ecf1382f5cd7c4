use super::shown::which_set::start_once;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::task::JoinMap;

// ANCHOR: map
/// In your program: collects the report of a user.
async fn report(user: &'static str) -> String {
    sleep(Duration::from_millis(10 * user.len() as u64)).await;
    format!("what {user} has bought")
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut reports = JoinMap::new();
    for user in ["Ada", "Grace", "Ada"] {
        if !start_once(&mut reports, user, report(user)) {
            println!("{user} has a report under way");
        }
    }
    while let Some((user, report)) = reports.join_next().await {
        println!("{user}: {report:?}"); // an error, if the task panicked
    }
}
// ANCHOR_END: map
