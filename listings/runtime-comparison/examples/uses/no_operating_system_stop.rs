use embassy_executor::Spawner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Ticker, Timer};

use super::shown::no_operating_system::{run, unless_stopped};

static DONE: Signal<CriticalSectionRawMutex, ()> = Signal::new();

// ANCHOR: stop
static STOP: Signal<CriticalSectionRawMutex, ()> = Signal::new();

#[embassy_executor::task]
async fn blink() {
    let blinks = async {
        let mut ticker = Ticker::every(Duration::from_millis(500));
        loop {
            ticker.next().await; // at work: the lamp goes on or off
        }
    };
    unless_stopped(&STOP, blinks).await;
    println!("The lamp is off.");
    DONE.signal(());
}

#[embassy_executor::task]
async fn greenhouse(spawner: Spawner) {
    match blink() {
        Ok(task) => spawner.spawn(task),
        Err(error) => println!("{error}"),
    }
    Timer::after_millis(5).await;
    STOP.signal(());
}
// ANCHOR_END: stop

pub(crate) fn main() {
    let start = |spawner: Spawner| match greenhouse(spawner) {
        Ok(task) => spawner.spawn(task),
        Err(error) => println!("{error}"),
    };
    run(start, || DONE.signaled());
}
