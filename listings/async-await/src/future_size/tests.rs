use super::*;

use std::fmt::{Debug, Write as _};
use std::future::ready;
use std::mem::size_of_val;
use std::pin::{Pin, pin};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;

use backend::roles::{again, role};
use futures::FutureExt;
use tokio::io::ReadBuf;
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tracing::field::{Field, Visit};
use tracing::{Event, Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// What the cases of the table hold.
const ARRAY: usize = 4 * KIB;
/// All that a future holds besides its arrays. The compiler may change it.
const REST: usize = KIB;

/// Whether `size` is `arrays` arrays, and little more.
fn holds(arrays: usize, size: usize) -> bool {
    (arrays * ARRAY..arrays * ARRAY + REST).contains(&size)
}

fn fill(array: &mut [u8]) {
    array.fill(1);
}

/// The future of a function that needs an array after its await.
async fn receive() -> u8 {
    let mut array = [0; ARRAY];
    fill(&mut array);
    yield_now().await;
    array[1]
}

#[expect(clippy::large_types_passed_by_value, reason = "its size is measured")]
async fn by_value(array: [u8; ARRAY]) -> u8 {
    yield_now().await;
    array[1]
}

// What a future holds

#[tokio::test]
async fn what_is_needed_after_an_await_is_in_the_future() {
    let work = receive();
    assert!(holds(1, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(Box::pin(work).await, 1);
}

#[tokio::test]
async fn an_array_whose_scope_ends_before_the_await_is_not() {
    let work = async {
        let one = {
            let mut array = [0; ARRAY];
            fill(&mut array);
            array[1]
        };
        yield_now().await;
        one
    };
    assert!(holds(0, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(work.await, 1);
}

#[tokio::test]
async fn an_array_in_a_plain_function_is_not() {
    fn one() -> u8 {
        let mut array = [0; ARRAY];
        fill(&mut array);
        array[1]
    }
    let work = async {
        let one = one();
        yield_now().await;
        one
    };
    assert!(holds(0, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(work.await, 1);
}

#[tokio::test]
async fn an_array_that_was_borrowed_and_then_dropped_is_still_in_it() {
    struct Picture([u8; ARRAY]);
    let work = async {
        let mut picture = Picture([0; ARRAY]);
        fill(&mut picture.0);
        let one = picture.0[1];
        #[expect(clippy::drop_non_drop, reason = "it ends the value, not its place")]
        drop(picture);
        yield_now().await;
        one
    };
    assert!(holds(1, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(Box::pin(work).await, 1);
}

#[tokio::test]
async fn two_calls_one_after_the_other_share_their_place() {
    let work = async { receive().await + receive().await };
    assert!(holds(1, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(Box::pin(work).await, 2);
}

#[tokio::test]
async fn two_arms_of_a_match_share_their_place() {
    let work = |n: u8| async move {
        match n {
            0 => receive().await,
            1 => by_value([7; ARRAY]).await,
            _ => 3,
        }
    };
    let size = size_of_val(&work(0));
    assert!(size < 3 * ARRAY, "{size}");
    let alone = size_of_val(&async { by_value([7; ARRAY]).await });
    assert!(size < alone + REST, "{size} {alone}");
    assert_eq!((Box::pin(work(0)).await, Box::pin(work(1)).await), (1, 7));
}

#[tokio::test]
async fn two_futures_that_are_made_first_are_both_in_it() {
    let work = async {
        let (first, second) = (receive(), receive());
        first.await + second.await
    };
    let size = size_of_val(&work);
    assert!(size >= 2 * ARRAY, "{size}");
    assert_eq!(Box::pin(work).await, 2);
}

#[tokio::test]
async fn the_branches_of_join_and_select_are_all_in_it() {
    let joined = async { tokio::join!(receive(), receive(), receive()) };
    assert!(holds(3, size_of_val(&joined)), "{}", size_of_val(&joined));
    assert_eq!(Box::pin(joined).await, (1, 1, 1));
    let first = async {
        tokio::select! {
            one = receive() => one,
            one = receive() => one,
        }
    };
    assert!(holds(2, size_of_val(&first)), "{}", size_of_val(&first));
    assert_eq!(Box::pin(first).await, 1);
}

#[tokio::test]
async fn an_argument_that_is_needed_after_an_await_is_in_it_twice() {
    let callee = by_value([1; ARRAY]);
    assert!(holds(2, size_of_val(&callee)), "{}", size_of_val(&callee));
    let passes_on = async {
        let mut array = [0; ARRAY];
        fill(&mut array);
        by_value(array).await
    };
    assert!(holds(3, size_of_val(&passes_on)), "{}", size_of_val(&passes_on));
    assert_eq!(Box::pin(passes_on).await, 1);
    assert_eq!(Box::pin(callee).await, 1);
}

#[tokio::test]
async fn a_future_that_is_passed_to_an_async_fn_is_in_it_twice() {
    let once = size_of_val(&receive());
    let twice = timed(receive());
    let size = size_of_val(&twice);
    assert!((2 * once..2 * once + REST).contains(&size), "{size}");
    assert_eq!(Box::pin(twice).await.0, 1);
    let four_times = size_of_val(&timed(timed(receive())));
    assert!((4 * once..4 * once + REST).contains(&four_times), "{four_times}");
    let eight_times = size_of_val(&timed(timed(timed(receive()))));
    assert!((8 * once..8 * once + REST).contains(&eight_times), "{eight_times}");
}

#[tokio::test]
async fn a_pin_in_the_wrapper_does_not_help() {
    async fn pinned(work: impl Future<Output = u8>) -> u8 {
        let work = pin!(work);
        work.await
    }
    let work = pinned(receive());
    assert!(holds(2, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(Box::pin(work).await, 1);
}

#[tokio::test]
async fn a_call_inside_of_an_async_block_is_in_it_once() {
    let work = async { async { receive().await }.await + 1 };
    assert!(holds(1, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(Box::pin(work).await, 2);
}

#[tokio::test]
async fn a_wrapper_that_makes_its_future_holds_it_once() {
    let work = timed_call(|| timed_call(receive));
    assert!(holds(1, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(Box::pin(work).await.0.0, 1);
}

#[tokio::test]
async fn map_timeout_and_instrument_hold_their_future_once() {
    let traced = receive().instrument(tracing::Span::none());
    let work = timeout(Duration::from_secs(1), traced.map(|one| one + 1));
    assert!(holds(1, size_of_val(&work)), "{}", size_of_val(&work));
    assert_eq!(Box::pin(work).await, Ok(2));
}

#[tokio::test]
async fn a_box_is_a_pointer_however_large_its_future_is() {
    let work = async { Box::pin(receive()).await };
    assert!(size_of_val(&work) < 64, "{}", size_of_val(&work));
    assert_eq!(work.await, 1);
    let wrapped = timed(timed(Box::pin(receive())));
    assert!(size_of_val(&wrapped) < 256, "{}", size_of_val(&wrapped));
    assert_eq!(wrapped.await.0.0, 1);
}

// The uploads

#[tokio::test(start_paused = true)]
async fn each_checksum_adds_up_all_bytes() {
    let upload = vec![2; 300 * KIB];
    assert_eq!(checksum(&*upload).await.unwrap(), 600 * KIB as u64);
    let naive = Box::pin(naive::array_checksum(&*upload));
    assert_eq!(naive.await.unwrap(), 600 * KIB as u64);
    assert_eq!(checksum(&[][..]).await.unwrap(), 0);
}

#[tokio::test]
async fn an_upload_that_fails_is_an_error_of_its_checksum() {
    let error = checksum(Broken).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let error = Box::pin(naive::array_checksum(Broken)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// An upload whose connection is lost.
struct Broken;

impl AsyncRead for Broken {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

#[test]
fn an_array_of_256_kib_makes_two_uploads_a_future_of_2_mib() {
    with_stack(64 * MIB, || {
        let size = size_of_val(&naive::both(&[][..], &[][..]));
        assert!((2 * MIB..2 * MIB + 64 * KIB).contains(&size), "{size}");
        let one = size_of_val(&naive::array_checksum(&[][..]));
        assert!((256 * KIB..257 * KIB).contains(&one), "{one}");
    });
}

#[test]
fn with_a_vec_the_future_has_less_than_a_kib() {
    let size = size_of_val(&checksum(&[][..]));
    assert!(size < KIB, "{size}");
    let wrapped = size_of_val(&timed(logged(checksum(&[][..]))));
    assert!(wrapped < KIB, "{wrapped}");
}

#[tokio::test(start_paused = true)]
async fn each_wrapper_measures_the_time_of_its_work() {
    let work = || sleep(Duration::from_millis(30));
    assert_eq!(timed(work()).await, ((), Duration::from_millis(30)));
    assert_eq!(timed_call(work).await, ((), Duration::from_millis(30)));
}

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}: {value:?}").unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

#[tokio::test]
async fn an_error_is_logged_and_passed_on() {
    let log = Log::default();
    let subscriber = tracing_subscriber::registry().with(log.clone());
    let _default = tracing::subscriber::set_default(subscriber);
    assert_eq!(logged(ready(Ok::<_, &str>(1))).await, Ok(1));
    assert_eq!(*log.0.lock().unwrap(), "");
    assert_eq!(logged(ready(Err::<(), _>("lost"))).await, Err("lost"));
    assert_eq!(*log.0.lock().unwrap(), "error: lost\n");
}

// The stack. A program whose stack overflows is ended, so these run in a child.

/// This test again, in a process that may die.
#[cfg(unix)]
fn child(test: &str) -> Output {
    again(&format!("future_size::tests::{test}"), "child")
        // Where a core dump would be nobody's.
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap()
}

#[cfg(unix)]
fn overflowed(child: &Output) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let said = String::from_utf8_lossy(&child.stderr);
    assert_eq!(
        child.status.success(),
        !said.contains("has overflowed its stack"),
        "{said}"
    );
    // SIGABRT; no test can catch it.
    assert!(child.status.success() || child.status.signal() == Some(6), "{said}");
    !child.status.success()
}

/// Runs `case` on a thread with such a stack.
fn with_stack(size: usize, case: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(size).spawn(case).unwrap().join().unwrap();
}

/// Runs `work` on a worker with the usual stack, spawned from a thread with a large one.
fn on_a_worker<F>(work: impl FnOnce() -> F + Send + 'static)
where
    F: Future<Output: Send> + Send + 'static,
{
    with_stack(64 * MIB, || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_stack_size(2 * MIB)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { tokio::spawn(work()).await.unwrap() });
    });
}

#[cfg(unix)]
#[test]
fn two_uploads_with_arrays_overflow_the_stack_of_a_worker() {
    if role().is_some() {
        return on_a_worker(|| naive::both(&[1][..], &[1][..]));
    }
    let ended = child("two_uploads_with_arrays_overflow_the_stack_of_a_worker");
    assert!(overflowed(&ended));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("thread 'tokio-rt-worker'"), "{said}");
}

#[test]
fn with_a_vec_two_uploads_run_on_a_worker() {
    on_a_worker(|| async {
        let photo = timed(logged(checksum(&[1][..])));
        let preview = timed(logged(checksum(&[2][..])));
        let ((photo, _), (preview, _)) = tokio::join!(photo, preview);
        assert_eq!((photo.unwrap(), preview.unwrap()), (1, 2));
    });
}

#[test]
fn in_a_box_inside_of_the_wrappers_two_arrays_run_on_a_worker() {
    on_a_worker(|| async {
        let photo = timed(logged(Box::pin(naive::array_checksum(&[1][..]))));
        let preview = timed(logged(Box::pin(naive::array_checksum(&[2][..]))));
        let ((photo, _), (preview, _)) = tokio::join!(photo, preview);
        assert_eq!((photo.unwrap(), preview.unwrap()), (1, 2));
    });
}

#[test]
fn with_a_vec_two_uploads_run_on_a_stack_of_256_kib() {
    with_stack(256 * KIB, || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let photo = timed(logged(checksum(&[1][..])));
            let preview = timed(logged(checksum(&[2][..])));
            let ((photo, _), (preview, _)) = tokio::join!(photo, preview);
            assert_eq!((photo.unwrap(), preview.unwrap()), (1, 2));
        });
    });
}

/// A future of 2 MiB that only waits, and needs no stack for it.
#[expect(clippy::large_stack_arrays, reason = "its size is the point")]
async fn large() -> u8 {
    let array = [1; 2 * MIB];
    let first = &array[0];
    yield_now().await;
    *first
}

#[cfg(all(unix, debug_assertions))]
#[test]
fn spawning_a_future_of_2_mib_overflows_a_stack_of_1_mib() {
    if role().is_some() {
        return with_stack(MIB, || {
            let runtime = Builder::new_current_thread().build().unwrap();
            drop(runtime.spawn(large()));
            println!("spawned");
        });
    }
    let ended = child("spawning_a_future_of_2_mib_overflows_a_stack_of_1_mib");
    assert!(overflowed(&ended));
    assert!(!String::from_utf8_lossy(&ended.stdout).contains("spawned"));
}

#[cfg(all(unix, debug_assertions))]
#[test]
fn boxing_a_future_of_2_mib_overflows_a_stack_of_1_mib_too() {
    if role().is_some() {
        return with_stack(MIB, || drop(Box::pin(large())));
    }
    assert!(overflowed(&child(
        "boxing_a_future_of_2_mib_overflows_a_stack_of_1_mib_too"
    )));
}

#[cfg(all(unix, debug_assertions))]
#[test]
fn block_on_of_a_future_of_2_mib_overflows_a_stack_of_1_mib() {
    if role().is_some() {
        return with_stack(MIB, || {
            let runtime = Builder::new_current_thread().build().unwrap();
            runtime.block_on(large());
        });
    }
    assert!(overflowed(&child(
        "block_on_of_a_future_of_2_mib_overflows_a_stack_of_1_mib"
    )));
}

// Recursion

/// A chain: each comment has one answer, up to the last.
fn chain(last: u32) -> impl Fn(u32) -> std::future::Ready<Vec<u32>> {
    move |comment| ready(if comment < last { vec![comment + 1] } else { vec![] })
}

#[tokio::test]
async fn both_count_a_tree() {
    // 0 has 1 and 2; 1 has 3, 4 and 5.
    let answers = |comment| {
        ready(match comment {
            0 => vec![1, 2],
            1 => vec![3, 4, 5],
            _ => vec![],
        })
    };
    assert_eq!(naive::count(0, &answers).await, 6);
    assert_eq!(count(0, answers).await, 6);
    assert_eq!(count(1, answers).await, 4);
}

#[cfg(unix)]
#[test]
fn a_chain_of_100_000_answers_overflows_the_stack_in_spite_of_its_boxes() {
    if role().is_some() {
        return on_a_worker(|| async { naive::count(1, &chain(100_000)).await });
    }
    let test = "a_chain_of_100_000_answers_overflows_the_stack_in_spite_of_its_boxes";
    assert!(overflowed(&child(test)));
}

#[test]
fn a_loop_counts_a_chain_of_100_000_answers() {
    on_a_worker(|| async { assert_eq!(count(1, chain(100_000)).await, 100_000) });
}
