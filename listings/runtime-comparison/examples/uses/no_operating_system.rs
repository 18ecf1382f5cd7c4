use critical_section::{self as _}; // its feature `std` is the lock below
use embassy_executor::{Executor, Spawner};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Timer;

static WARMTH: Signal<CriticalSectionRawMutex, i32> = Signal::new();
static DONE: Signal<CriticalSectionRawMutex, ()> = Signal::new();

#[embassy_executor::task]
async fn measure() {
    Timer::after_millis(5).await; // at work: until the sensor has measured
    WARMTH.signal(21);
}

#[embassy_executor::task]
async fn greenhouse(spawner: Spawner) {
    for _ in 0..2 {
        match measure() {
            Ok(task) => spawner.spawn(task),
            Err(error) => println!("{error}"),
        }
    }
    println!("It has {} degrees.", WARMTH.wait().await);
    DONE.signal(());
}

pub(crate) fn main() {
    let executor = Box::leak(Box::new(Executor::new())); // it must live for ever
    let start = |spawner: Spawner| match greenhouse(spawner) {
        Ok(task) => spawner.spawn(task),
        Err(error) => println!("{error}"),
    };
    executor.run_until(start, || DONE.signaled());
}
