use super::shown::handlers::total;
use tokio::sync::mpsc;

/// A channel with `messages` in it, which then ends.
fn sales(messages: &[&'static str]) -> mpsc::Receiver<&'static str> {
    let (sender, receiver) = mpsc::channel(8);
    for message in messages {
        sender.try_send(*message).expect("there is a free place");
    }
    receiver
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: total
    println!("{:?}", total(sales(&["2", "3"]), sales(&["4"])).await);
    println!("{:?}", total(sales(&["2"]), sales(&["many"])).await);
    // ANCHOR_END: total
}
