use embassy_executor::Spawner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use embassy_time::Timer;

use super::shown::no_operating_system::{both, run};

static DONE: Signal<CriticalSectionRawMutex, ()> = Signal::new();

// ANCHOR: two
static DEGREES: Channel<CriticalSectionRawMutex, i32, 2> = Channel::new();

#[embassy_executor::task(pool_size = 2)]
async fn measure(sensor: i32) {
    Timer::after_millis(5).await;
    DEGREES.send(20 + sensor).await; // at work: what the sensor has measured
}

#[embassy_executor::task]
async fn greenhouse(spawner: Spawner) {
    for sensor in [1, 2] {
        match measure(sensor) {
            Ok(task) => spawner.spawn(task),
            Err(error) => println!("{error}"),
        }
    }
    let [first, second] = both(&DEGREES).await;
    println!("The mean is {} degrees.", f64::from(first + second) / 2.0);
    DONE.signal(());
}
// ANCHOR_END: two

pub(crate) fn main() {
    let start = |spawner: Spawner| match greenhouse(spawner) {
        Ok(task) => spawner.spawn(task),
        Err(error) => println!("{error}"),
    };
    run(start, || DONE.signaled());
}
