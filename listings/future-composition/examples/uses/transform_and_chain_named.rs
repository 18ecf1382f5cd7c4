use super::shown::transform_and_chain::NameLookup;
use super::transform_and_chain::fetch;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: named
    println!("{:?}", NameLookup::new(fetch("/friends")).await);
    println!("{:?}", NameLookup::new(fetch("/friends")).in_capitals().await);
    // ANCHOR_END: named
}
