use std::num::NonZeroUsize;

use super::shown::map_filter_then::{a_few_at_once, one_by_one};
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::map_filter_then::price;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: function
    let start = Instant::now();
    let all: Vec<_> = one_by_one(stream::iter(1..=5), price).collect().await;
    println!("one by one: {all:?} after {:?}", start.elapsed());

    let two = NonZeroUsize::new(2).expect("2 is not 0");
    let second_start = Instant::now();
    let prices = a_few_at_once(stream::iter(1..=5), two, price);
    println!("two at once: {} prices", prices.count().await);
    println!("after {:?}", second_start.elapsed());
    // ANCHOR_END: function
}
