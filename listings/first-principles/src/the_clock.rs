//! The clock that tests stop, and code whose times can be tested on it.

use std::future::Future;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

// ANCHOR: wait_until
/// Asks `check` again and again, `pause` apart, until it says yes; for `limit` at most.
///
/// # Errors
/// `check` has not said yes within `limit`.
///
/// # Cancel safety
/// Dropped, or at the limit, it drops the check that is under way where it waits.
pub async fn wait_until<F, Fut>(
    limit: Duration,
    pause: Duration,
    mut check: F,
) -> Result<(), Elapsed>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    // Tokio's timers count whole milliseconds; a pause of zero would ask without rest.
    let pause = pause.max(Duration::from_millis(1));
    let asking = async {
        while !check().await {
            sleep(pause).await;
        }
    };
    timeout(limit, asking).await
}
// ANCHOR_END: wait_until

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use std::time::Instant;

    // ANCHOR: std_clock
    /// Wrong: `std`'s clock is not the one that `sleep` waits for, and a check that hangs
    /// is never limited.
    pub async fn wait_until<F, Fut>(
        limit: Duration,
        pause: Duration,
        mut check: F,
    ) -> bool
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        let start = Instant::now();
        while start.elapsed() < limit {
            if check().await {
                return true;
            }
            sleep(pause).await;
        }
        false
    }
    // ANCHOR_END: std_clock
}

#[cfg(test)]
mod tests {
    use super::*;
    use backend::Site;
    use std::future::{Ready, pending, ready};
    use std::net::TcpStream;
    use std::sync::{Arc, Mutex, mpsc};
    use std::thread;
    use tokio::net::TcpListener;
    use tokio::runtime::Builder;
    use tokio::task::{spawn_blocking, yield_now};
    use tokio::time::{self, Instant, MissedTickBehavior, advance, interval};

    const HOUR: Duration = Duration::from_hours(1);

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    // The listing, and its tests as they would be anywhere.

    /// Says yes when it is asked for the `count`th time.
    fn yes_at(count: usize) -> impl FnMut() -> Ready<bool> {
        let mut asked = 0;
        move || {
            asked += 1;
            ready(asked == count)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_first_yes() {
        let start = Instant::now();
        wait_until(HOUR, ms(200), yes_at(4)).await.unwrap();
        assert_eq!(start.elapsed(), ms(600));
    }

    #[tokio::test(start_paused = true)]
    async fn it_gives_up_at_the_limit_to_the_millisecond() {
        let start = Instant::now();
        wait_until(HOUR + ms(1), ms(200), || ready(false)).await.unwrap_err();
        assert_eq!(start.elapsed(), HOUR + ms(1));
    }

    #[tokio::test(start_paused = true)]
    async fn it_asks_at_once_even_with_no_time_left() {
        wait_until(Duration::ZERO, ms(200), || ready(true)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_zero_is_a_millisecond() {
        let start = Instant::now();
        wait_until(HOUR, Duration::ZERO, yes_at(10)).await.unwrap();
        assert_eq!(start.elapsed(), ms(9), "nine pauses between ten checks");
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_limit_the_check_under_way_is_dropped() {
        let site = Site::default().with_page("/ready", ms(300));
        let check = || {
            let fetch = site.fetch("/ready");
            async { fetch.await.is_err() }
        };
        wait_until(ms(400), ms(200), check).await.unwrap_err();
        let load = site.load();
        assert_eq!((load.answered, load.dropped), (1, 0), "the limit came in a pause");
        wait_until(ms(600), ms(200), check).await.unwrap_err();
        let load = site.load();
        assert_eq!((load.answered, load.dropped, load.in_flight), (2, 1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_can_be_spawned() {
        tokio::spawn(wait_until(HOUR, ms(200), yes_at(4))).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn by_the_clock_of_std_the_limit_never_comes() {
        let naive = naive::wait_until(HOUR, ms(1_000), || ready(false));
        assert!(timeout(HOUR * 2, naive).await.is_err(), "an hour has passed twice");
        assert!(naive::wait_until(HOUR, ms(200), yes_at(4)).await);
        assert!(!naive::wait_until(Duration::ZERO, ms(200), || ready(true)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn between_the_checks_no_limit_stops_a_check_that_hangs() {
        let naive = naive::wait_until(ms(1), ms(1), pending::<bool>);
        assert!(timeout(HOUR, naive).await.is_err());
        wait_until(ms(1), ms(1), pending::<bool>).await.unwrap_err();
    }

    // What the paused clock does.

    #[tokio::test(start_paused = true)]
    async fn an_hour_passes_at_once_and_exactly() {
        let (start, real) = (Instant::now(), std::time::Instant::now());
        sleep(HOUR).await;
        assert_eq!(start.elapsed(), HOUR);
        assert!(real.elapsed() < HOUR, "the clock of std has not moved with it");
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_takes_no_time() {
        let start = Instant::now();
        thread::sleep(ms(5));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_is_not_done_in_an_hour() {
        let start = Instant::now();
        timeout(HOUR, pending::<()>()).await.unwrap_err();
        assert_eq!(start.elapsed(), HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_task_is_ready_the_clock_stands_still() {
        let start = Instant::now();
        let busy = tokio::spawn(async move {
            for _ in 0..10_000 {
                yield_now().await;
            }
            start.elapsed()
        });
        sleep(ms(1)).await;
        assert_eq!(start.elapsed(), ms(1));
        assert!(busy.is_finished());
        assert_eq!(busy.await.unwrap(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn timers_count_whole_milliseconds_rounded_up() {
        for (asked, taken) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (1_999, 2)] {
            let start = Instant::now();
            sleep(Duration::from_micros(asked)).await;
            assert_eq!(start.elapsed(), ms(taken), "{asked} µs");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tie_in_select_is_decided_by_chance() {
        let (mut first, mut second) = (0, 0);
        for _ in 0..200 {
            tokio::select! {
                () = sleep(ms(10)) => first += 1,
                () = sleep(ms(10)) => second += 1,
            }
        }
        assert!(first > 0 && second > 0, "{first} : {second}");
    }

    // `advance` is a jump, `sleep` a walk.

    /// Milliseconds at which an interval of 100 ms ticked, after `wait`.
    async fn ticks(
        missed: MissedTickBehavior,
        wait: impl Future<Output = ()>,
    ) -> Vec<u128> {
        let start = Instant::now();
        let ticks = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&ticks);
        let task = tokio::spawn(async move {
            let mut interval = interval(ms(100));
            interval.set_missed_tick_behavior(missed);
            loop {
                interval.tick().await;
                seen.lock().unwrap().push(start.elapsed().as_millis());
            }
        });
        yield_now().await;
        wait.await;
        yield_now().await;
        task.abort();
        ticks.lock().unwrap().split_off(1)
    }

    #[tokio::test(start_paused = true)]
    async fn sleep_walks_through_every_tick() {
        let walked = [100, 200, 300, 400, 500, 600, 700, 800, 900];
        assert_eq!(ticks(MissedTickBehavior::Skip, sleep(ms(950))).await, walked);
        assert_eq!(ticks(MissedTickBehavior::Burst, sleep(ms(950))).await, walked);
    }

    #[tokio::test(start_paused = true)]
    async fn advance_jumps_over_them() {
        assert_eq!(ticks(MissedTickBehavior::Skip, advance(ms(950))).await, [950]);
        assert_eq!(ticks(MissedTickBehavior::Burst, advance(ms(950))).await, [950; 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_jump_the_next_sleep_is_still_to_come() {
        let two_sleeps = || {
            tokio::spawn(async {
                sleep(ms(10)).await;
                sleep(ms(10)).await;
            })
        };
        let jumped = two_sleeps();
        yield_now().await;
        advance(HOUR).await;
        assert!(!jumped.is_finished());
        let walked = two_sleeps();
        sleep(HOUR).await;
        assert!(walked.is_finished());
    }

    // What is not on this clock.

    #[tokio::test(start_paused = true)]
    async fn a_time_limit_on_a_real_socket_fires_before_the_peer_can_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (go, until_go) = mpsc::channel();
        let peer = thread::spawn(move || {
            until_go.recv().unwrap();
            TcpStream::connect(address).unwrap()
        });
        let (start, real) = (Instant::now(), std::time::Instant::now());
        timeout(HOUR, listener.accept()).await.unwrap_err();
        assert_eq!(start.elapsed(), HOUR);
        assert!(real.elapsed() < HOUR, "the peer had no hour to answer in");
        time::resume();
        go.send(()).unwrap();
        listener.accept().await.unwrap();
        peer.join().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn while_spawn_blocking_runs_the_clock_stands_still() {
        let start = Instant::now();
        let working = spawn_blocking(|| thread::sleep(ms(20)));
        timeout(ms(1), working).await.expect("the millisecond has not passed").unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[test]
    fn only_a_current_thread_runtime_can_be_paused() {
        let pause = || tokio::spawn(async { time::pause() });
        let many = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let panic = many.block_on(async { pause().await }).unwrap_err().to_string();
        assert!(
            panic.contains("requires the `current_thread` Tokio runtime"),
            "{panic}"
        );
        let single = Builder::new_current_thread().enable_time().build().unwrap();
        single.block_on(async { pause().await }).unwrap();
    }
}
