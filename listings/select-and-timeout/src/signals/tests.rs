//! Each proof starts this test program again as a child, in one of the roles of [`child`], and sends it real signals.

use std::future::pending;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio, exit};
use std::time::Duration;

use backend::roles;
use futures::FutureExt;
use rustix::process::{Pid, Signal as Number, kill_process, kill_process_group};
use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc;
use tokio::task::yield_now;

use super::*;

/// What a child prints begins with this. The rest of its lines comes from the test harness.
const MARK: &str = "child: ";

/// This test program again, in a role.
fn again(role: &str) -> Command {
    roles::again("signals::tests::child", role)
}

/// A child that runs, and what it prints.
struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(name: &str) -> Self {
        Self::spawn(again(name))
    }

    /// The same, started as a script starts a program with `&`: SIGINT is ignored.
    fn start_ignoring(name: &str) -> Self {
        let program = again(name);
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap "" INT; exec "$@""#, "sh"]);
        shell.arg(program.get_program()).args(program.get_args());
        shell.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
        Self::spawn(shell)
    }

    fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it prints next, if it prints anything before it ends.
    fn says(&mut self) -> Option<String> {
        let mut lines = self.lines.by_ref().map(Result::unwrap);
        lines.find_map(|line| Some(line.split_once(MARK)?.1.to_owned()))
    }

    /// Waits until it says this.
    fn expect(&mut self, text: &str) {
        assert_eq!(self.says().as_deref(), Some(text));
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, number: Number) {
        kill_process(self.pid(), number).unwrap();
    }

    /// Lets [`wait_for_the_test`] go on in the child.
    fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"go on\n").unwrap();
    }

    /// How it ended, when it has said all.
    fn end(mut self) -> ExitStatus {
        assert_eq!(self.says(), None);
        self.child.wait().unwrap()
    }
}

/// In a child: tells the test something.
fn say(text: &str) {
    println!("\n{MARK}{text}");
}

/// In a child: blocks until the test says `go_on`.
fn wait_for_the_test() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// In a child: jobs 1, 2 and 3 are in the queue. A signal comes while job 1 runs, and job 1 sees that it came.
async fn job_during_which_a_signal_comes(job: u32) {
    if job == 1 {
        let mut witness = signal(SignalKind::interrupt()).unwrap();
        say("job 1 runs");
        witness.recv().await;
    }
    say(&format!("job {job} is done"));
}

fn three_jobs() -> mpsc::Receiver<u32> {
    let (sender, jobs) = mpsc::channel(3);
    for job in 1..=3 {
        sender.try_send(job).unwrap();
    }
    jobs
}

/// What the proofs start as a child. As a test of its own it does nothing.
#[test]
fn child() {
    let Some(role) = roles::role() else { return };
    // Ends a child whose test has gone or waits for something that never comes.
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_mins(1));
        exit(99);
    });
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    exit(i32::from(play(&role, &runtime)));
}

/// Plays a role, and gives the exit code.
fn play(role: &str, runtime: &Runtime) -> u8 {
    match role {
        "no handler" => {
            say("ready");
            wait_for_the_test();
            0
        }
        "dropped ctrl_c" => runtime.block_on(async {
            assert!(tokio::signal::ctrl_c().now_or_never().is_none());
            say("ready");
            wait_for_the_test();
            say("I live");
            0
        }),
        "each round" => runtime.block_on(async {
            naive::each_round(three_jobs(), job_during_which_a_signal_comes)
                .await
                .unwrap();
            130
        }),
        "jobs" => runtime.block_on(async {
            let mut signals = Signals::new().unwrap();
            let run = job_during_which_a_signal_comes;
            jobs_until_signal(three_jobs(), run, &mut signals).await.exit_code()
        }),
        "which" => runtime.block_on(async {
            let mut signals = Signals::new().unwrap();
            say("ready");
            let which = signals.next().await;
            say(&format!("{which:?}"));
            which.exit_code()
        }),
        "coalesce" => runtime.block_on(async {
            let mut signals = Signals::new().unwrap();
            let mut witness = signal(SignalKind::interrupt()).unwrap();
            say("ready");
            for _ in 0..3 {
                witness.recv().await;
                say("it came");
            }
            let first = signals.next().now_or_never();
            say(&format!("{first:?}, {:?}", signals.next().now_or_never()));
            0
        }),
        "dropped next" => runtime.block_on(async {
            let mut signals = Signals::new().unwrap();
            let mut witness = signal(SignalKind::interrupt()).unwrap();
            assert_eq!(signals.next().now_or_never(), None);
            say("ready");
            witness.recv().await;
            say(&format!("{:?}", signals.next().now_or_never()));
            0
        }),
        "polite" => serve(runtime, async |stop| stop.cancelled().await),
        "stuck" => serve(runtime, async |stop| {
            stop.cancelled().await;
            say("stopping");
            pending::<()>().await;
        }),
        "done" => serve(runtime, async |_| yield_now().await),
        "return" => {
            let own = Runtime::new().unwrap();
            begin_to_block(&own);
            say("return");
            drop(own); // as at the end of `main`
            say("returned");
            0
        }
        "exit" => {
            begin_to_block(runtime);
            130
        }
        "parent" => parent(runtime, false),
        "parent apart" => parent(runtime, true),
        _ => 98,
    }
}

/// Begins blocking work, which lasts until the test says `go_on`.
fn begin_to_block(runtime: &Runtime) {
    let (begins, begun) = std::sync::mpsc::channel();
    runtime.spawn_blocking(move || {
        begins.send(()).unwrap();
        wait_for_the_test();
        say("blocking work is done");
    });
    begun.recv().unwrap();
}

/// A program with a server, as on the page.
fn serve(runtime: &Runtime, server: impl AsyncFnOnce(CancellationToken)) -> u8 {
    runtime.block_on(async {
        let mut signals = Signals::new().unwrap();
        let stop = CancellationToken::new();
        say("ready");
        match until_signal(server(stop.clone()), &mut signals, &stop).await {
            Ok(()) => 0,
            Err(second) => second.exit_code(),
        }
    })
}

/// Starts a child of its own, in this process group or in a new one, and waits for a signal.
fn parent(runtime: &Runtime, apart: bool) -> u8 {
    runtime.block_on(async {
        let mut signals = Signals::new().unwrap();
        let mut helper = again("no handler");
        helper.stdin(Stdio::piped()); // closed when the parent says so
        if apart {
            helper.process_group(0);
        }
        let mut helper = helper.spawn().unwrap(); // says "ready" on the same stdout
        signals.next().await;
        drop(helper.stdin.take());
        let status = helper.wait().unwrap();
        say(&format!("helper: {:?} {:?}", status.code(), status.signal()));
        0
    })
}

#[test]
fn without_a_handler_a_signal_ends_the_program() {
    // Not SIGINT: whoever started this test may have told it to ignore that.
    let mut child = Running::start("no handler");
    child.expect("ready");
    child.signal(Number::TERM);
    let status = child.end();
    assert_eq!((status.code(), status.signal()), (None, Some(15)));
}

#[test]
fn a_program_that_was_started_to_ignore_ctrl_c_lives_on() {
    let mut child = Running::start_ignoring("no handler");
    child.expect("ready");
    child.signal(Number::INT);
    child.go_on();
    assert_eq!(child.end().code(), Some(0));
}

#[test]
fn a_program_that_was_started_to_ignore_ctrl_c_hears_it_by_signals() {
    let mut child = Running::start_ignoring("which");
    child.expect("ready");
    child.signal(Number::INT);
    child.expect("Interrupt");
    assert_eq!(child.end().code(), Some(130));
}

#[test]
fn after_one_ctrl_c_that_was_dropped_a_signal_does_nothing_any_more() {
    let mut child = Running::start("dropped ctrl_c");
    child.expect("ready");
    child.signal(Number::INT);
    child.go_on();
    child.expect("I live");
    assert_eq!(child.end().code(), Some(0));
}

#[test]
fn with_a_new_ctrl_c_in_each_round_a_signal_during_a_job_is_lost() {
    let mut child = Running::start("each round");
    child.expect("job 1 runs");
    child.signal(Number::INT);
    for job in 1..=3 {
        child.expect(&format!("job {job} is done"));
    }
    // Nothing ends it now but another signal, once it waits for one. There may be a moment until it does.
    while child.child.try_wait().unwrap().is_none() {
        child.signal(Number::INT);
        std::thread::yield_now();
    }
    assert_eq!(child.end().code(), Some(130));
}

#[test]
fn with_one_signals_a_signal_during_a_job_ends_the_loop_after_it() {
    let mut child = Running::start("jobs");
    child.expect("job 1 runs");
    child.signal(Number::INT);
    child.expect("job 1 is done");
    assert_eq!(child.end().code(), Some(130));
}

#[test]
fn sigint_and_sigterm_are_both_seen_and_told_apart() {
    for (number, name, code) in
        [(Number::INT, "Interrupt", 130), (Number::TERM, "Terminate", 143)]
    {
        let mut child = Running::start("which");
        child.expect("ready");
        child.signal(number);
        child.expect(name);
        assert_eq!(child.end().code(), Some(code));
    }
}

#[test]
fn three_signals_while_nobody_looks_are_one() {
    let mut child = Running::start("coalesce");
    child.expect("ready");
    for _ in 0..3 {
        child.signal(Number::INT);
        child.expect("it came");
    }
    child.expect("Some(Interrupt), None");
    assert_eq!(child.end().code(), Some(0));
}

#[test]
fn a_next_that_is_dropped_loses_no_signal() {
    let mut child = Running::start("dropped next");
    child.expect("ready");
    child.signal(Number::INT);
    child.expect("Some(Interrupt)");
    assert_eq!(child.end().code(), Some(0));
}

#[test]
fn the_first_signal_stops_the_server_and_the_program_returns_zero() {
    for number in [Number::INT, Number::TERM] {
        let mut child = Running::start("polite");
        child.expect("ready");
        child.signal(number);
        assert_eq!(child.end().code(), Some(0));
    }
}

#[test]
fn the_second_signal_ends_the_program_at_once() {
    for (first, second, code) in [
        (Number::INT, Number::INT, 130),
        (Number::TERM, Number::INT, 130),
        (Number::INT, Number::TERM, 143),
    ] {
        let mut child = Running::start("stuck");
        child.expect("ready");
        child.signal(first);
        child.expect("stopping");
        child.signal(second);
        assert_eq!(child.end().code(), Some(code));
    }
}

#[test]
fn a_return_waits_for_blocking_work() {
    let mut child = Running::start("return");
    child.expect("return");
    child.go_on();
    child.expect("blocking work is done");
    child.expect("returned");
    assert_eq!(child.end().code(), Some(0));
}

#[test]
fn an_exit_does_not_wait_for_blocking_work() {
    let child = Running::start("exit"); // and `go_on` is never said
    assert_eq!(child.end().code(), Some(130));
}

#[test]
fn a_server_that_ends_by_itself_needs_no_signal() {
    let mut child = Running::start("done");
    child.expect("ready");
    assert_eq!(child.end().code(), Some(0));
}

#[test]
fn a_signal_to_the_process_group_ends_the_programs_that_it_started_too() {
    let mut child = Running::start("parent");
    child.expect("ready");
    kill_process_group(child.pid(), Number::INT).unwrap();
    child.expect("helper: None Some(2)");
    assert_eq!(child.end().code(), Some(0));
}

#[test]
fn a_program_in_a_process_group_of_its_own_gets_no_ctrl_c() {
    let mut child = Running::start("parent apart");
    child.expect("ready");
    kill_process_group(child.pid(), Number::INT).unwrap();
    child.expect("helper: Some(0) None");
    assert_eq!(child.end().code(), Some(0));
}

#[test]
fn outside_a_runtime_nobody_can_listen() {
    assert!(std::panic::catch_unwind(Signals::new).is_err());
}
