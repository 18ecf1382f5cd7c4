use tokio::sync::mpsc;

// ANCHOR: main
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let (sender, receiver) = mpsc::channel(8);
    drop(receiver); // the kitchen closes

    match sender.send("cake from Ann").await {
        Ok(()) => println!("the order is in the channel"),
        Err(error) => println!("nobody reads, so Ann keeps: {}", error.0),
    }
}
// ANCHOR_END: main
