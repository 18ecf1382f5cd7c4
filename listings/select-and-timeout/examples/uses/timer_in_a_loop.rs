use select_and_timeout::timer_in_a_loop::{Limits, serve};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

pub(crate) const LIMITS: Limits = Limits {
    silence: Duration::from_secs(30),
    whole: Duration::from_mins(10),
    ping: Duration::from_secs(8),
};

/// In your program: a connection. Here, the client says one thing and goes away.
pub(crate) fn client() -> mpsc::Receiver<&'static str> {
    let (sender, messages) = mpsc::channel(8);
    tokio::spawn(async move {
        sleep(Duration::from_secs(5)).await;
        sender.send("hello").await.expect("the server reads");
        sleep(Duration::from_hours(1)).await; // nobody closes the connection
    });
    messages
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let mut messages = client();
    let handle = async |text| println!("{:?}: {text}", start.elapsed());
    let ping = || println!("{:?}: ping", start.elapsed());
    let end = serve(&mut messages, LIMITS, handle, ping).await;
    println!("{:?}: {end:?}", start.elapsed());
}
