use std::collections::HashSet;
use std::future::{pending, ready};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc as threads;
use std::time::Duration;
use std::{env, fs, thread};

use backend::cancel::after_polls;
use backend::panics::{panic_of, words};
use backend::{Alive, MINUTE, soon};
use rayon::ThreadPoolBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::*;
use crate::a_worker_that_blocks::Nudge;

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

/// A computation that goes on until it is told. When it begins, and when it was told.
fn until_told() -> (
    oneshot::Receiver<()>,
    oneshot::Receiver<()>,
    impl FnOnce(&CancellationToken) + Send,
) {
    let (begins, began) = oneshot::channel();
    let (tells, told) = oneshot::channel();
    let work = move |stop: &CancellationToken| {
        let _ = begins.send(());
        while !stop.is_cancelled() {
            thread::yield_now(); // one piece
        }
        let _ = tells.send(());
    };
    (began, told, work)
}

#[tokio::test]
async fn both_results_come_when_both_have_ended() {
    let io = async {
        yield_now().await;
        Ok::<_, io::Error>("received")
    };
    let both = soon(both(io, &pool(1), |_| checksum(b"a", 1))).await;
    assert_eq!(both.expect("two results"), ("received", 0xaf63_dc4c_8601_ec8c));
}

#[tokio::test]
async fn a_hundred_messages_go_to_a_socket_and_back_while_a_computation_runs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let echo = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let (mut reads, mut writes) = socket.split();
        tokio::io::copy(&mut reads, &mut writes).await
    });
    let (says, heard) = threads::channel();
    let io = async move {
        let mut socket = TcpStream::connect(address).await?;
        for number in 0..100 {
            socket.write_all(&[number]).await?;
            let back = socket.read_u8().await?;
            says.send(back).expect("the computation runs");
        }
        Ok::<_, io::Error>(())
    };
    let work = move |_: &CancellationToken| {
        // It does not end before all messages are back.
        (0..100).map(|_| heard.recv_timeout(MINUTE)).collect::<Result<Vec<_>, _>>()
    };
    let ((), numbers) = soon(both(io, &pool(1), work)).await.expect("two results");
    assert_eq!(numbers, Ok((0..100).collect()));
    soon(echo).await.expect("no panic").expect("it has echoed");
}

#[tokio::test]
async fn if_the_computation_panics_the_io_is_dropped_and_you_get_the_panic() {
    let alive = Alive::default();
    let guard = alive.guard();
    let io = async move {
        let _guard = guard;
        pending::<Result<(), io::Error>>().await
    };
    let end = soon(both(io, &pool(1), |_| panic!("block 7 is broken"))).await;
    let Err(HalfError::<io::Error>::Cpu(error)) = end.map(|((), ())| ()) else {
        panic!("not the computation")
    };
    assert_eq!(error, ComputeError::Panicked("block 7 is broken".into()));
    assert_eq!(alive.count(), 0);
}

#[tokio::test]
async fn if_the_io_fails_you_get_its_error_at_once_and_the_computation_is_told() {
    let (began, told, work) = until_told();
    let io = async {
        soon(began).await.expect("it begins");
        Err::<(), _>("the cable is out")
    };
    let end = soon(both(io, &pool(1), work)).await;
    assert_eq!(end, Err(HalfError::Io("the cable is out")));
    assert_eq!(soon(told).await, Ok(()));
}

#[tokio::test]
async fn if_the_io_fails_first_the_computation_does_not_begin() {
    let pool = pool(1);
    let (go, may_go) = threads::channel::<()>();
    pool.spawn(move || {
        let _ = may_go.recv_timeout(MINUTE);
    });
    let (began, told, work) = until_told();
    let io = async {
        yield_now().await;
        Err::<(), _>("the cable is out")
    };
    assert!(soon(both(io, &pool, work)).await.is_err());
    go.send(()).expect("it waits");
    soon(began).await.expect_err("it was in the queue");
    soon(told).await.expect_err("it is gone");
}

#[tokio::test]
async fn the_error_does_not_wait_for_a_computation_that_does_not_look() {
    let (go, may_go) = threads::channel::<()>();
    let (begins, began) = oneshot::channel();
    let (ends, ended) = oneshot::channel();
    let work = move |_: &CancellationToken| {
        let _ = begins.send(());
        let _ = may_go.recv_timeout(MINUTE);
        let _ = ends.send(());
    };
    let io = async {
        soon(began).await.expect("it begins");
        Err::<(), _>("the cable is out")
    };
    let end = soon(both(io, &pool(1), work)).await;
    assert_eq!(end, Err(HalfError::Io("the cable is out")));
    go.send(()).expect("it still runs");
    assert_eq!(soon(ended).await, Ok(()));
}

#[tokio::test]
async fn if_the_io_panics_the_panic_goes_on_and_the_computation_is_told() {
    let (began, told, work) = until_told();
    let io = async {
        assert!(soon(began).await.is_err(), "no such header"); // it begins
        Ok::<_, ()>(())
    };
    let pool = pool(1);
    let panic = panic_of(both(io, &pool, work)).await;
    assert_eq!(words(&*panic), "no such header");
    assert_eq!(soon(told).await, Ok(()));
}

#[tokio::test]
async fn whoever_drops_both_drops_the_io_and_tells_the_computation() {
    let alive = Alive::default();
    let guard = alive.guard();
    let (began, told, work) = until_told();
    let io = async move {
        let _guard = guard;
        pending::<Result<(), ()>>().await
    };
    let pool = pool(1);
    tokio::select! {
        end = both(io, &pool, work) => panic!("it has ended: {end:?}"),
        began = soon(began) => began.expect("it begins"), // and here it is dropped
    }
    assert_eq!(alive.count(), 0);
    assert_eq!(soon(told).await, Ok(()));
}

#[tokio::test]
async fn with_errors_dropped_a_panic_is_not_heard_of_and_the_io_goes_on() {
    let (says, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let io = async {
        for number in 0..3 {
            yield_now().await;
            says.send(number).expect("the test waits");
        }
        Err::<(), _>("the cable is out")
    };
    soon(naive::errors_dropped(io, &pool(1), |_| panic!("block 7"))).await;
    assert_eq!(heard.try_recv(), Ok(0));
    assert_eq!(heard.try_recv(), Ok(1));
    assert_eq!(heard.try_recv(), Ok(2), "to its end");
}

#[test]
fn a_task_that_computes_on_another_runtime_leaves_this_one_free() {
    let cpu = cpu_runtime(1).expect("a runtime");
    let ours = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (word, name) = ours.block_on(async {
        let (says, heard) = threads::channel();
        tokio::spawn(async move { says.send("I ran") });
        let task = async move {
            let word = heard.recv_timeout(MINUTE); // blocks its thread
            (word, thread::current().name().map(str::to_owned))
        };
        soon(on_runtime(cpu.handle(), task)).await.expect("no panic")
    });
    assert_eq!((word, name.as_deref()), (Ok("I ran"), Some("cpu")));
}

#[test]
fn two_tasks_compute_at_the_same_time_on_a_runtime_with_two_threads() {
    let cpu = cpu_runtime(2).expect("a runtime");
    let (says_1, heard_1) = threads::channel();
    let (says_2, heard_2) = threads::channel();
    let task = |says: threads::Sender<()>, heard: threads::Receiver<()>| {
        on_runtime(cpu.handle(), async move {
            says.send(()).expect("the other one is there");
            let other = heard.recv_timeout(MINUTE); // blocks its thread
            tokio::time::sleep(Duration::from_millis(1)).await; // it has timers
            other
        })
    };
    let ours = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let both = futures::future::join(task(says_1, heard_2), task(says_2, heard_1));
    // A worker that sleeps may overlook a task while the other one is blocked.
    let _nudge = Nudge::start(cpu.handle().clone(), Duration::from_millis(1));
    let (a, b) = ours.block_on(soon(both));
    assert_eq!((a.expect("no panic"), b.expect("no panic")), (Ok(()), Ok(())));
    assert_eq!(cpu.metrics().num_workers(), 2);
}

#[test]
fn a_panic_on_the_other_runtime_is_an_error_and_its_end_is_one_too() {
    let cpu = cpu_runtime(1).expect("a runtime");
    let handle = cpu.handle().clone();
    let ours = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let panics = ours.block_on(soon_on(&handle, async { panic!("block 7") }));
    let panic = panics.expect_err("it has panicked").into_panic();
    assert_eq!(words(&*panic), "block 7");
    drop(cpu);
    let gone = ours.block_on(soon_on(&handle, async {}));
    assert!(gone.expect_err("its runtime has ended").is_cancelled());
}

async fn soon_on<F>(cpu: &Handle, task: F) -> Result<(), JoinError>
where
    F: Future<Output = ()> + Send + 'static,
{
    soon(on_runtime(cpu, task)).await
}

#[test]
fn whoever_drops_the_wait_for_the_other_runtime_aborts_the_task() {
    let cpu = cpu_runtime(1).expect("a runtime");
    let ours = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (begins, began) = oneshot::channel();
    let (held, dropped) = oneshot::channel::<()>();
    ours.block_on(async {
        let task = async move {
            let _held = held;
            let _ = begins.send(());
            pending::<()>().await;
        };
        tokio::select! {
            end = on_runtime(cpu.handle(), task) => panic!("it has ended: {end:?}"),
            began = soon(began) => began.expect("it begins"), // and here it is dropped
        }
        soon(dropped).await.expect_err("the task is gone");
    });
}

#[test]
fn all_of_it_can_be_spawned_beside() {
    fn spawned<F: Future + Send + 'static>(_: F) {}
    spawned(async {
        let pool = pool(1);
        let _ = both(ready(Ok::<_, ()>(())), &pool, |_| ()).await;
        naive::errors_dropped(ready(Ok::<_, ()>(())), &pool, |_| ()).await;
        let cpu = Handle::current();
        on_runtime(&cpu, async {}).await
    });
    assert!(futures::executor::block_on(after_polls(0, pending::<()>())).is_none());
}

/// What is between these anchors of the listing.
fn shown(anchor: &str) -> String {
    let listing = include_str!("../io_and_cpu.rs");
    let begins = format!("// ANCHOR: {anchor}\n");
    let ends = format!("// ANCHOR_END: {anchor}\n");
    let (_, rest) = listing.split_once(&begins).expect("it begins");
    rest.split_once(&ends).expect("it ends").0.to_owned()
}

/// Whether a release build of the function that stands there has a loop.
fn loops_in_release(anchor: &str) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("work.rs");
    // Without this, a library leaves short functions to those who call them.
    let whole = format!("#[inline(never)]\n{}", shown(anchor));
    fs::write(&source, whole).expect("a file");
    let code = compiled(&source, folder.path());
    let (_, function) = code.split_once("define ").expect("the function is there");
    has_cycle(function.split_once("\n}").expect("it ends").0)
}

/// Whether a block of this function leads to itself, in the language of LLVM.
fn has_cycle(function: &str) -> bool {
    let mut block = "start";
    let mut leads = HashSet::new();
    for line in function.lines() {
        if let Some((name, _)) = line.split_once(':').filter(|_| !line.starts_with(' '))
        {
            block = name;
        }
        for to in line.split("label %").skip(1) {
            let end = to.find([',', ' ', ']']).unwrap_or(to.len());
            leads.insert((block, &to[..end]));
        }
    }
    loop {
        let before = leads.len();
        let from: HashSet<_> = leads.iter().map(|(from, _)| *from).collect();
        leads.retain(|(_, to)| from.contains(to)); // the others lead out
        if leads.len() == before {
            return before > 0;
        }
    }
}

#[test]
fn a_cycle_is_told_from_a_fork() {
    let fork = "start:\n  br i1 %a, label %b, label %c\nb:\n  br label %c\nc:\n  ret";
    assert!(!has_cycle(fork));
    assert!(has_cycle(&fork.replace("ret", "br i1 %a, label %b, label %d\nd:\n ret")));
}

fn compiled(source: &Path, folder: &Path) -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let code = folder.join("work.ll");
    let mut command = Command::new(rustc);
    command.args(["--crate-type=lib", "--emit=llvm-ir", "-Copt-level=3"]);
    command.args(["-Ccodegen-units=1", "-Cdebuginfo=0", "-o"]).arg(&code).arg(source);
    let output = command.output().expect("rustc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(code).expect("it has written")
}

#[test]
fn in_a_release_build_the_checksum_is_computed_step_by_step() {
    assert!(loops_in_release("checksum"));
}

#[test]
fn in_a_release_build_nothing_is_left_of_work_that_nobody_needs() {
    assert!(!loops_in_release("nothing_left"));
    naive::busy_work();
}

#[test]
fn in_a_release_build_a_sum_of_squares_is_a_formula() {
    assert!(!loops_in_release("formula"));
    assert_eq!(naive::sum_of_squares(1_000), 332_833_500);
}

#[test]
fn the_checksum_depends_on_each_byte_and_on_each_round() {
    let data = b"archive".repeat(100);
    let whole = checksum(&data, 2);
    for at in 0..data.len() {
        let mut other = data.clone();
        other[at] ^= 1;
        assert_ne!(checksum(&other, 2), whole, "byte {at}");
    }
    assert_ne!(checksum(&data, 1), whole);
    assert_eq!(checksum(b"foobar", 1), 0x8594_4171_f739_67e8, "a known FNV-1a");
}
