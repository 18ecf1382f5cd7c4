use policy::retry::{Retry, Transient};
use rand::rngs::SmallRng;

#[derive(Debug)]
struct Busy;

impl Transient for Busy {
    fn transient(&self) -> bool {
        true
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let product = String::from("tea");
    let task = tokio::spawn(async move {
        let mut rng: SmallRng = rand::make_rng();
        // The closure borrows `product`, which the task owns.
        let stock = async |attempt| match attempt {
            1 => Err(Busy),
            _ => Ok(format!("7 packs of {product}")),
        };
        Retry::default().run(&mut rng, stock).await
    });
    println!("{:?}", task.await.expect("no panic"));
}
