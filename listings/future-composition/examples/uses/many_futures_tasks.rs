use super::many_futures::name;
use super::shown::many_futures::on_tasks;
use futures::stream::StreamExt;
use std::num::NonZeroUsize;
use std::pin::pin;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    std::panic::set_hook(Box::new(|_| ())); // the output is on standard output alone
    // ANCHOR: tasks
    let limit = NonZeroUsize::new(2).expect("2 is not 0");
    let mut answers = pin!(on_tasks([1, 2, 3], limit, async |id| match id {
        3 => panic!("a bug"),
        _ => name(id).await,
    }));
    while let Some((id, answer)) = answers.next().await {
        match answer {
            Ok(name) => println!("user {id} is {name}"),
            Err(error) => println!("user {id}: panicked = {}", error.is_panic()),
        }
    }
    // ANCHOR_END: tasks
}
