use super::*;
use backend::Site;
use std::future::Ready;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use tokio::io::{BufStream, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::task::spawn_blocking;
use tokio::time::{self, MissedTickBehavior, interval};
use tokio_test::io::Builder;

use std::future::{pending, ready};
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep, timeout};

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
async fn four_checks_need_three_pauses() {
    let start = Instant::now();
    let mut checks = 0;
    let ready_at_the_fourth = || {
        checks += 1;
        ready(checks == 4)
    };
    wait_until(HOUR, ms(200), ready_at_the_fourth).await.unwrap();
    assert_eq!(start.elapsed(), ms(600));
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_first_yes() {
    let start = Instant::now();
    wait_until(HOUR, ms(200), yes_at(4)).await.unwrap();
    assert_eq!(start.elapsed(), ms(600));
    wait_until(Duration::MAX, ms(70), yes_at(3)).await.unwrap();
    assert_eq!(start.elapsed(), ms(600 + 140));
    wait_until(HOUR, ms(60_000), yes_at(2)).await.unwrap();
    assert_eq!(start.elapsed(), ms(600 + 140 + 60_000));
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_at_the_limit_to_the_millisecond() {
    let start = Instant::now();
    let never_ready = || ready(false);
    let end = wait_until(HOUR + ms(1), ms(200), never_ready).await;
    assert!(end.is_err());
    assert_eq!(start.elapsed(), HOUR + ms(1));
}

#[tokio::test(start_paused = true)]
async fn it_asks_at_once_even_with_no_time_left() {
    wait_until(Duration::ZERO, ms(200), || ready(true)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_the_first_poll() {
    let mut asked = 0;
    let waiting = wait_until(HOUR, ms(200), || {
        asked += 1;
        ready(true)
    });
    sleep(HOUR * 2).await;
    drop(waiting);
    assert_eq!(asked, 0);
    let waiting = wait_until(ms(201), ms(200), yes_at(2));
    sleep(HOUR).await;
    waiting.await.expect("its limit begins with the first poll, too");
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
    let two_sleeps = async || {
        sleep(ms(10)).await;
        sleep(ms(10)).await;
    };
    let jumped = tokio::spawn(two_sleeps());
    yield_now().await; // the task begins
    advance(HOUR).await;
    assert!(!jumped.is_finished()); // its second sleep begins after the jump

    let walked = tokio::spawn(two_sleeps());
    sleep(HOUR).await;
    assert!(walked.is_finished());
}

// A connection that is on this clock.

/// A peer that reads the question, and writes each piece of its answer after a while.
async fn peer(mut wire: DuplexStream, pieces: [(u64, &[u8]); 2]) {
    let mut question = [0; 7];
    wire.read_exact(&mut question).await.unwrap();
    assert_eq!(&question, b"ready?\n");
    for (pause, piece) in pieces {
        sleep(ms(pause)).await;
        wire.write_all(piece).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_come_in_two_pieces() {
    let (mut connection, mut wire) = duplex(64);
    let service = async {
        wire.read_exact(&mut [0; 7]).await.unwrap(); // the question
        sleep(ms(300)).await;
        wire.write_all(b"y").await.unwrap();
        sleep(ms(40)).await;
        wire.write_all(b"es\n").await.unwrap();
    };
    let start = Instant::now();
    let (ready, ()) = tokio::join!(is_ready(&mut connection, HOUR), service);
    assert!(ready.unwrap());
    assert_eq!(start.elapsed(), ms(340));
}

#[tokio::test(start_paused = true)]
async fn over_a_duplex_the_answer_takes_as_long_as_the_peer_says() {
    for (answer, ready) in [(b"yes\n", true), (b"no!\n", false)] {
        let (mut connection, wire) = duplex(64);
        let (first, second) = answer.split_at(1);
        let start = Instant::now();
        let (end, ()) = tokio::join!(
            is_ready(&mut connection, HOUR),
            peer(wire, [(300, first), (40, second)])
        );
        assert_eq!((end.unwrap(), start.elapsed()), (ready, ms(340)));
    }
}

#[tokio::test(start_paused = true)]
async fn over_a_duplex_a_silent_peer_costs_the_limit_to_the_millisecond() {
    for limit in [HOUR, ms(30)] {
        let (mut connection, _silent) = duplex(64);
        let start = Instant::now();
        let error = is_ready(&mut connection, limit).await.unwrap_err();
        let end = (error.kind(), start.elapsed());
        assert_eq!(end, (io::ErrorKind::TimedOut, limit));
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplex_that_nobody_reads_is_full_and_the_write_waits() {
    let (mut connection, mut wire) = duplex(4);
    is_ready(&mut connection, HOUR).await.unwrap_err();
    let mut arrived = [0; 64];
    let count = wire.read(&mut arrived).await.unwrap();
    assert_eq!(&arrived[..count], b"read", "four of seven bytes had room");
}

#[tokio::test(start_paused = true)]
async fn a_duplex_whose_other_end_is_dropped_has_ended() {
    let (mut connection, wire) = duplex(64);
    drop(wire);
    let error = is_ready(&mut connection, HOUR).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let (mut connection, wire) = duplex(64);
    let (end, ()) = tokio::join!(
        is_ready(&mut connection, HOUR),
        peer(wire, [(300, b"y"), (1, b"e")])
    );
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test(start_paused = true)]
async fn the_question_does_not_wait_in_a_buffer() {
    let (connection, wire) = duplex(64);
    let mut connection = BufStream::new(connection);
    let (end, ()) = tokio::join!(
        is_ready(&mut connection, HOUR),
        peer(wire, [(0, b"yes"), (1, b"\n")])
    );
    assert!(end.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_script_says_what_comes_and_when() {
    let mut connection = Builder::new()
        .write(b"ready?\n") // what the function must write
        .wait(ms(300))
        .read(b"yes") // what it then reads
        .wait(ms(40))
        .read(b"\n")
        .build();
    let start = Instant::now();
    assert!(is_ready(&mut connection, HOUR).await.unwrap());
    assert_eq!(start.elapsed(), ms(340));
}

#[tokio::test(start_paused = true)]
async fn a_script_breaks_where_a_socket_could() {
    let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
    let scripts = [
        Builder::new().write_error(reset()).build(),
        Builder::new().write(b"ready?").write_error(reset()).build(),
        Builder::new().write(b"ready?\n").read_error(reset()).build(),
        Builder::new().write(b"ready?\n").read(b"yes").read_error(reset()).build(),
    ];
    for mut connection in scripts {
        let error = is_ready(&mut connection, HOUR).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_panics_at_another_write_and_at_what_is_left_over() {
    let mut connection = Builder::new().write(b"who is there?\n").build();
    let ask = async move { is_ready(&mut connection, HOUR).await };
    assert!(tokio::spawn(ask).await.unwrap_err().is_panic());
    let mut script = Builder::new();
    let mut connection = script.write(b"ready?\n").read(b"yes\nyes\n").build();
    let ask = async move { is_ready(&mut connection, HOUR).await };
    let panic = tokio::spawn(ask).await.unwrap_err().to_string();
    assert!(panic.contains("There is still data left to read"), "{panic}");
}

#[tokio::test(start_paused = true)]
async fn a_script_does_not_see_a_write_that_comes_before_its_read() {
    let mut script = Builder::new();
    let mut connection = script.read(b"hello\n").write(b"ready?\n").build();
    connection.write_all(b"ready?\n").await.unwrap();
    connection.read_exact(&mut [0; 6]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_after_a_read_begins_with_the_next_call() {
    let mut script = Builder::new();
    let mut connection = script.read(b"a").wait(ms(300)).read(b"b").build();
    let start = Instant::now();
    connection.read_u8().await.unwrap();
    sleep(ms(1_000)).await;
    connection.read_u8().await.unwrap();
    assert_eq!(start.elapsed(), ms(1_300), "a peer would have written it by then");
}

#[tokio::test(start_paused = true)]
async fn asking_can_be_spawned() {
    let (mut connection, wire) = duplex(64);
    let asking = tokio::spawn(async move { is_ready(&mut connection, HOUR).await });
    peer(wire, [(1, b"yes"), (1, b"\n")]).await;
    assert!(asking.await.unwrap().unwrap());
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
    let many = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let panic = many.block_on(async { pause().await }).unwrap_err().to_string();
    assert!(panic.contains("requires the `current_thread` Tokio runtime"), "{panic}");
    let single = runtime::Builder::new_current_thread().enable_time().build().unwrap();
    single.block_on(async { pause().await }).unwrap();
}
