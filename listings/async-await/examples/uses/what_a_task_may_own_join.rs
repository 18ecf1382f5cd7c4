use super::what_a_task_may_own::Shop;
use tokio::join;

// ANCHOR: join
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let shop = Shop { name: "Tea House".into() };
    let (first, second) = join!(shop.send_receipt(1), shop.send_receipt(2));
    println!("{first}");
    println!("{second}");
}
// ANCHOR_END: join
