use super::shown::transform_and_chain::{
    in_capitals, labelled, step, wall, with_fallback,
};
use super::transform_and_chain::fetch;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: any
    println!("{:?}", in_capitals(fetch("/friends")).await);
    println!("{:?}", step("the profile", fetch("/nobody")).await);
    let posts = async |place: String| fetch(&place).await;
    println!("{:?}", wall(fetch("/ada"), posts).await);
    println!("{:?}", with_fallback(fetch("/nobody"), |_| fetch("/friends")).await);
    println!("{:?}", labelled("friends", fetch("/friends")).await);
    // ANCHOR_END: any
}
