use std::thread;

use futures::stream::StreamExt;
use stream_processing::a_stream_that_waits::latest;

#[tokio::main]
pub(crate) async fn main() {
    let (sender, mut prices) = latest();
    println!("set 101: {:?}", sender.set(101));
    println!("set 102: {:?}", sender.set(102)); // replaces 101, which nobody read
    println!("read: {:?}", prices.next().await);

    // Another thread sets a price while this task waits for it.
    let setter = thread::spawn(move || {
        sender.set(103).expect("`prices` is not dropped yet");
        sender // gives it back
    });
    println!("read: {:?}", prices.next().await);

    let sender = setter.join().expect("the thread does not panic");
    drop(prices); // nobody reads any more
    println!("set 104: {:?}", sender.set(104));
}
