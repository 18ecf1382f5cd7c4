use select_and_timeout::one_limit_for_many::quorum;
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::{Instant, sleep};

// ANCHOR: quorum
/// At work: sends the order to a server, which keeps it. Here, south has no room left.
async fn keep(server: &'static str) -> io::Result<()> {
    let needs = match server {
        "north" => 50,
        "south" => 80,
        _ => 120,
    };
    sleep(Duration::from_millis(needs)).await;
    if server == "south" { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let limit = Duration::from_millis(300);
    let needed = const { NonZeroUsize::new(2).unwrap() };
    let calls = ["north", "south", "west"].map(|name| (name, keep(name)));
    match quorum(limit, needed, calls).await {
        Ok(kept) => println!("{} servers keep the order", kept.len()),
        Err(error) => println!("{error}, so the order is not safe"),
    }
    println!("after {:?}", start.elapsed());
}
// ANCHOR_END: quorum
