use std::pin::pin;
use std::time::Duration;
use tokio::select;
use tokio::time::sleep;

async fn ask(server: &str, millis: u64) -> String {
    sleep(Duration::from_millis(millis)).await;
    println!("{server} has answered");
    format!("{server} says: sunny")
}

// ANCHOR: main
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut answer = pin!(ask("north", 250)); // one question, made before the loop
    loop {
        select! {
            text = &mut answer => {
                println!("{text}");
                break; // the question has ended: do not wait for it again
            }
            () = sleep(Duration::from_millis(100)) => println!("still waiting"),
        }
    }
}
// ANCHOR_END: main
