//! The proofs of the page on what a runtime costs. They count what a program allocates, by an allocator that
//! only this program shall have, so they stand here.

#![expect(
    clippy::float_cmp,
    reason = "what is compared are counts, divided without a rest"
)]

use std::cell::Cell;
use std::collections::HashSet;
use std::future::Future;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::LocalKey;
use std::time::Duration;

use allocation_counter::measure;
use backend::on_a_thread;
use futures::executor::LocalPool;
use futures::future::BoxFuture;
use futures::task::{LocalSpawnExt, SpawnExt};
use runtime_comparison::what_it_costs::{
    Mode, Runtime, Tokio, Work, naive, time_of_a_task, yield_by_hand,
};
use tokio::io::AsyncReadExt;
use tokio::task::{JoinHandle, spawn_local};

/// A number for each task or request.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Each {
    allocations: f64,
    bytes: f64,
}

/// What one more costs: so what the runtime itself needs is not in it. Counts this thread.
fn each(count: impl Fn(usize)) -> Each {
    count(1); // what is made once for a thread or a program is there now
    let [few, many] = [1000, 3000].map(|times| measure(|| count(times)));
    let more = |few: u64, many: u64| (many - few) as f64 / 2000.0;
    Each {
        allocations: more(few.count_total, many.count_total),
        bytes: more(few.bytes_total, many.bytes_total),
    }
}

fn cost(mode: Mode, work: Work) -> Each {
    each(|times| {
        let run = mode.run(work, times).expect("a runtime").expect("it can");
        assert_eq!(run.done, times);
    })
}

#[test]
fn each_runtime_does_all_that_it_can_and_nothing_is_left_out() {
    for mode in Mode::ALL {
        for work in Work::ALL {
            for times in [0, 1, 10] {
                let run =
                    on_a_thread(move || mode.run(work, times)).expect("a runtime");
                let done = run.map(|run| run.done);
                assert_eq!(done, mode.can(work).then_some(times), "{mode:?} {work:?}");
                if let (Some(run), Work::Sleep) = (run, work) {
                    assert!(run.time >= Duration::from_micros(1) * times as u32);
                }
            }
        }
    }
}

/// Tokio, which counts what it is asked for.
#[derive(Clone, Default)]
struct Counted {
    spawned: Rc<Cell<usize>>,
}

thread_local! {
    static JOINED: Cell<usize> = const { Cell::new(0) };
    static YIELDS: Cell<usize> = const { Cell::new(0) };
    static SLEEPS: Cell<usize> = const { Cell::new(0) };
}

fn one_more(count: &'static LocalKey<Cell<usize>>) {
    count.set(count.get() + 1);
}

impl Runtime for Counted {
    type Task<T: Send + 'static> = JoinHandle<T>;

    fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.spawned.set(self.spawned.get() + 1);
        tokio::spawn(work)
    }

    async fn join<T: Send + 'static>(task: JoinHandle<T>) -> T {
        one_more(&JOINED);
        task.await.expect("no panic")
    }

    async fn yield_now() {
        one_more(&YIELDS);
    }

    async fn sleep(time: Duration) {
        assert_eq!(time, Duration::from_micros(1));
        one_more(&SLEEPS);
    }
}

#[tokio::test]
async fn each_work_is_done_by_what_the_runtime_has_for_it() {
    for (work, expected) in [
        (Work::SpawnAndJoin, [10, 10, 0, 0]),
        (Work::PingPong, [1, 1, 0, 0]),
        (Work::Request, [1, 1, 0, 0]),
        (Work::YieldByHand, [0, 0, 0, 0]),
        (Work::OwnYield, [0, 0, 10, 0]),
        (Work::Sleep, [0, 0, 0, 10]),
        (Work::Naps, [10, 10, 0, 10]),
    ] {
        let runtime = Counted::default();
        for count in [&JOINED, &YIELDS, &SLEEPS] {
            count.set(0);
        }
        assert_eq!(work.run(runtime.clone(), 10).await, 10);
        let seen = [runtime.spawned.get(), JOINED.get(), YIELDS.get(), SLEEPS.get()];
        assert_eq!(seen, expected, "{work:?}");
    }
}

#[test]
fn tasks_are_spawned_a_thousand_at_once() {
    let done = Mode::CurrentThread.run(Work::SpawnAndJoin, 2500);
    assert_eq!(done.expect("a runtime").map(|run| run.done), Some(2500));
    let most = |times| {
        measure(|| {
            Mode::CurrentThread.run(Work::SpawnAndJoin, times).expect("a runtime");
        })
        .count_max
    };
    most(1);
    assert!(most(1000) >= 1000, "all of them were there");
    assert!(most(3000) - most(1000) < 10, "no more at once");
}

#[test]
fn a_task_of_tokio_is_one_allocation_of_128_bytes() {
    let one = Each { allocations: 1.0, bytes: 128.0 };
    assert_eq!(cost(Mode::CurrentThread, Work::SpawnAndJoin), one);
    assert_eq!(cost(Mode::Local, Work::SpawnAndJoin), one);
}

/// What a task costs that keeps an array of `SIZE` bytes over an await.
fn holding<const SIZE: usize>() -> Each {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    each(|times| {
        runtime.block_on(async {
            for _ in 0..times {
                let work = async {
                    let array = [0_u8; SIZE];
                    yield_by_hand().await;
                    std::hint::black_box(&array);
                };
                tokio::spawn(work).await.expect("no panic");
            }
        });
    })
}

#[test]
fn what_a_task_keeps_over_an_await_is_in_its_allocation() {
    assert_eq!(holding::<1024>(), Each { allocations: 1.0, bytes: 1152.0 });
}

#[test]
fn tokio_puts_a_large_future_into_a_box_and_in_a_debug_build_a_smaller_one() {
    assert_eq!(holding::<20_000>().allocations, 2.0);
    let in_this_build = if cfg!(debug_assertions) { 2.0 } else { 1.0 };
    assert_eq!(holding::<4096>().allocations, in_this_build);
}

#[test]
fn a_task_of_smol_is_one_allocation_of_72_bytes_and_a_place_in_a_queue() {
    let Each { allocations, bytes } = cost(Mode::SmolLocal, Work::SpawnAndJoin);
    assert!((1.0..1.1).contains(&allocations), "{allocations}");
    assert!((72.0..100.0).contains(&bytes), "{bytes}");
}

#[test]
fn a_task_of_futures_with_a_handle_is_four_allocations() {
    let four = Each { allocations: 4.0, bytes: 240.0 };
    assert_eq!(cost(Mode::FuturesLocal, Work::SpawnAndJoin), four);
}

#[test]
fn the_channels_allocate_and_no_wake_up_does() {
    for mode in [Mode::CurrentThread, Mode::Local, Mode::FuturesLocal, Mode::Embassy] {
        for work in [Work::PingPong, Work::Request] {
            let two = cost(mode, work).allocations;
            assert_eq!(two, 2.0, "{mode:?} {work:?}");
        }
        assert_eq!(cost(mode, Work::YieldByHand).allocations, 0.0, "{mode:?}");
    }
    assert_eq!(cost(Mode::Pollster, Work::YieldByHand).allocations, 0.0);
    let segments = |work| cost(Mode::SmolLocal, work).allocations;
    assert!(
        (0.0..0.1).contains(&segments(Work::YieldByHand)),
        "a segment for 31 wake-ups"
    );
    assert!((2.0..2.2).contains(&segments(Work::Request)));
    assert!((2.0..2.2).contains(&segments(Work::PingPong)));
}

#[test]
fn a_sleep_of_tokio_allocates_nothing_and_lies_in_its_task() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let sleeps = each(|times| {
        runtime.block_on(async {
            for _ in 0..times {
                tokio::time::sleep(Duration::from_micros(1)).await;
            }
        });
    });
    assert_eq!(sleeps, Each { allocations: 0.0, bytes: 0.0 });
    let naps = Each { allocations: 1.0, bytes: 256.0 };
    assert_eq!(cost(Mode::CurrentThread, Work::Naps), naps);
}

#[test]
fn a_sleep_of_embassy_allocates_nothing_and_one_of_smol_does() {
    assert_eq!(cost(Mode::Embassy, Work::Sleep), Each { allocations: 0.0, bytes: 0.0 });
    let of_smol = cost(Mode::SmolLocal, Work::Sleep).allocations;
    assert!((1.0..4.0).contains(&of_smol), "{of_smol}");
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_sleep_of_tokio_has_112_bytes_one_of_smol_56_and_one_of_embassy_16() {
    let time = Duration::from_micros(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let entered = runtime.enter();
    assert_eq!(size_of_val(&tokio::time::sleep(time)), 112);
    drop(entered);
    assert_eq!(size_of_val(&smol::Timer::after(time)), 56);
    assert_eq!(size_of_val(&embassy_time::Timer::after_micros(1)), 16);
}

#[tokio::test(start_paused = true)]
async fn the_naive_benchmark_takes_a_millisecond_for_one_task_and_for_a_thousand() {
    assert_eq!(naive::time_of_a_task(1).await, Duration::from_millis(1));
    assert_eq!(naive::time_of_a_task(1000).await, Duration::from_millis(1) / 1000);
}

#[tokio::test(start_paused = true)]
async fn no_timer_is_in_the_time_of_tasks_that_have_nothing_to_do() {
    assert_eq!(time_of_a_task(1000).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_all_tasks_is_divided_by_their_number() {
    tokio::spawn(tokio::time::advance(Duration::from_secs(1))); // runs before the others
    assert_eq!(time_of_a_task(10).await, Duration::from_millis(100));
}

#[test]
fn the_names_of_runtimes_and_works_tell_them_apart() {
    let names: HashSet<_> = Mode::ALL.into_iter().map(Mode::name).collect();
    assert_eq!(names.len(), Mode::ALL.len());
    let names: HashSet<_> = Work::ALL.into_iter().map(Work::name).collect();
    assert_eq!(names.len(), Work::ALL.len());
}

#[test]
fn the_work_on_several_threads_is_not_on_that_of_the_caller() {
    let on_this_thread = cost(Mode::MultiThread, Work::SpawnAndJoin);
    assert!(on_this_thread.allocations < 0.1, "{on_this_thread:?}");
}

/// How often a task yields by hand until another task, which was ready first, has run.
async fn yields_beside(spawn: impl FnOnce(BoxFuture<'static, ()>)) -> usize {
    let ran = Arc::new(AtomicBool::new(false));
    let other = Arc::clone(&ran);
    spawn(Box::pin(async move { other.store(true, Ordering::SeqCst) }));
    let mut yields = 0;
    while !ran.load(Ordering::SeqCst) {
        assert!(yields < 1000, "the other task never runs");
        yield_by_hand().await;
        yields += 1;
    }
    yields
}

#[test]
fn a_task_that_always_wakes_itself_lets_another_one_run_after_two_polls_at_most() {
    let tokio =
        || tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let on_tokio = tokio().block_on(async {
        tokio::spawn(yields_beside(|other| drop(tokio::spawn(other)))).await
    });
    let local = tokio::runtime::LocalRuntime::new().expect("a runtime");
    let on_local = local.block_on(async {
        spawn_local(yields_beside(|other| drop(spawn_local(other)))).await
    });
    let executor = Rc::new(smol::LocalExecutor::new());
    let of_task = Rc::clone(&executor);
    let main =
        executor.spawn(yields_beside(move |other| of_task.spawn(other).detach()));
    let on_smol = smol::block_on(executor.run(main));
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    let of_task = pool.spawner();
    let main =
        yields_beside(move |other| of_task.spawn(other).expect("the pool is there"));
    let main = spawner.spawn_local_with_handle(main).expect("the pool is there");
    let on_futures = pool.run_until(main);
    let all =
        [on_tokio.expect("no panic"), on_local.expect("no panic"), on_smol, on_futures];
    assert!(all.iter().all(|yields| (1..=2).contains(yields)), "{all:?}");
}

/// How often a task yields until another one has read what lies at its socket.
async fn yields_until_read<F: Future<Output = ()>>(yields: impl Fn() -> F) -> usize {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut sender =
        std::net::TcpStream::connect(listener.local_addr().expect("an address"))
            .expect("a connection");
    let (socket, _) = listener.accept().await.expect("a connection");
    let socket = socket.into_std().expect("a socket");
    let arrived = socket.try_clone().expect("a socket");
    let mut socket = tokio::net::TcpStream::from_std(socket).expect("a socket");
    let reader = tokio::spawn(async move { socket.read_u8().await });
    tokio::task::yield_now().await; // the reader waits now, and the driver has had its turn
    sender.write_all(&[7]).expect("it is sent");
    while arrived.peek(&mut [0]).is_err() {
        std::thread::yield_now();
    }
    let mut count = 0;
    while !reader.is_finished() {
        assert!(count < 100_000, "the reader never runs");
        yields().await;
        count += 1;
    }
    assert_eq!(reader.await.expect("no panic").expect("a byte"), 7);
    count
}

#[tokio::test]
async fn a_yield_of_tokio_gives_the_driver_a_turn_and_one_by_hand_does_not() {
    let own = tokio::spawn(yields_until_read(Tokio::yield_now)).await;
    let by_hand = tokio::spawn(yields_until_read(yield_by_hand)).await;
    assert_eq!(own.expect("no panic"), 1);
    let by_hand = by_hand.expect("no panic");
    assert!((50..=70).contains(&by_hand), "{by_hand}");
}
