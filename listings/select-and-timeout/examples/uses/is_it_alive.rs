use select_and_timeout::is_it_alive::{Heartbeat, Watchdog};
use std::sync::mpsc::{RecvError, channel};
use std::time::Duration;

// This is the real clock: a thread of the system does not see the paused one.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), RecvError> {
    let heart = Heartbeat::start(Duration::from_millis(5));
    println!("the shop computes, and reaches no await");

    let patience = Duration::from_millis(50);
    let (sender, found) = channel();
    let _watchdog = Watchdog::start(heart.observer(), patience, move || {
        println!("no beat in 50 ms: the runtime is stuck"); // at work: log, and abort
        let _nobody_waits = sender.send(());
    });
    // At work: a long loop, or a lock of std. Here, the thread waits for the watchdog.
    found.recv()?;

    println!("the shop goes on");
    Ok(())
}
