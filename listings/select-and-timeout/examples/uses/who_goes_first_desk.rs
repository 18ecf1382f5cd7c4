use super::shown::who_goes_first::Desk;
use std::num::NonZeroU32;
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: desk
    let (urgent_sender, urgent) = mpsc::channel(8);
    let (normal_sender, normal) = mpsc::channel(8);
    for n in 1..=5 {
        let _ = urgent_sender.send(format!("urgent {n}")).await;
        let _ = normal_sender.send(format!("normal {n}")).await;
    }
    drop((urgent_sender, normal_sender)); // no more messages come
    let three = NonZeroU32::new(3).expect("three is not zero");
    let mut desk = Desk::new(urgent, normal, three);
    while let Some(message) = desk.next().await {
        println!("{message}");
    }
    // ANCHOR_END: desk
}
