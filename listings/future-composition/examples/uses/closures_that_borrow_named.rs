use super::closures_that_borrow::save;
use future_composition::closures_that_borrow::for_each_named;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: named
    let orders = [12, 30];
    let saving = for_each_named(&orders, |cents| async move {
        println!("{cents} cents: {}", save(*cents).await);
    });
    saving.await;
    // ANCHOR_END: named
}
