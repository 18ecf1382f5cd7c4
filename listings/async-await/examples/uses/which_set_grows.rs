use super::which_set::{answer, clients};
use tokio::join;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut requests) = mpsc::channel(1);
    let server = async {
        // ANCHOR: grows
        let mut tasks = JoinSet::new();
        while let Some(request) = requests.recv().await {
            tasks.spawn(answer(request));
        }
        println!("{} tasks and results are in the set", tasks.len());
        // ANCHOR_END: grows
    };
    join!(server, clients(sender));
}
