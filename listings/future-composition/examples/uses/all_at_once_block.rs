use super::all_at_once_errors::{Down, look_up_balance, look_up_orders};
use tokio::join;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: block
    let in_cents = async {
        let balance = look_up_balance().await?; // an error ends this block
        Ok::<_, Down>(balance * 100)
    };
    let (orders, balance) = join!(look_up_orders(), in_cents);
    println!("{orders:?}, {balance:?}");
    // ANCHOR_END: block
}
