use policy::retry::{Retry, Transient};
use rand::rngs::SmallRng;

struct Busy;

impl Transient for Busy {
    fn transient(&self) -> bool {
        true
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let retry = Retry::default();
    // ANCHOR: spawn
    let product = String::from("tea");
    let task = tokio::spawn(async move {
        let mut rng: SmallRng = rand::make_rng();
        // The closure borrows `product`, which the task owns.
        let stock = async |attempt| match attempt {
            1 => Err(Busy),
            _ => Ok(format!("7 packs of {product}")),
        };
        retry.run(&mut rng, stock).await.ok()
    });
    println!("{:?}", task.await.expect("no panic"));
    // ANCHOR_END: spawn
}
