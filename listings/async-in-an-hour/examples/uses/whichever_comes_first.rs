use std::time::Duration;
use tokio::select;
use tokio::time::sleep;

/// At work: asks a server. This one needs `millis` milliseconds to answer.
async fn ask(server: &str, millis: u64) -> String {
    sleep(Duration::from_millis(millis)).await;
    println!("{server} has answered");
    format!("{server} says: sunny")
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let forecast = select! {
        text = ask("north", 200) => text,
        text = ask("south", 100) => text,
    };
    println!("{forecast}");

    sleep(Duration::from_secs(1)).await;
    println!("one second later");
}
