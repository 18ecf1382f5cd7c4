use super::fallback::on_error;
use super::shown::fallback::{Ages, Stale};
use std::io::ErrorKind::ConnectionRefused;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

// ANCHOR: stale
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let begin = Instant::now();
    // At work: a request to the service. It is down from second 100 to second 499.
    let load = move || async move {
        println!("  asks the service");
        sleep(Duration::from_millis(10)).await;
        match begin.elapsed().as_secs() {
            0..100 => Ok(5),
            100..500 => Err(ConnectionRefused.into()),
            _ => Ok(4),
        }
    };
    let ages = Ages {
        fresh: Duration::from_mins(1), // younger than this: no refresh
        stale: Duration::from_mins(4), // then 4 minutes more, to an age of 5
        limit: Duration::from_millis(100), // not an age: the time for one load
    };
    let pens = Stale::new("service", ages, load, on_error);
    for second in [0, 1, 30, 70, 71, 150, 400, 500, 501] {
        sleep_until(begin + Duration::from_secs(second)).await;
        match pens.at_once() {
            Ok(good) => {
                let age = good.age.as_secs();
                println!("second {second}: {} left, {age} s old", good.value);
            }
            Err(error) => println!("second {second}: {error}"),
        }
    }
}
// ANCHOR_END: stale
