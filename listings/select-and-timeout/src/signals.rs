//! The signals that end a program: the first one asks it to stop, and the second one ends it at once.

use std::future::Future;
use std::io;
use std::pin::pin;

use tokio::select;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, CtrlShutdown, ctrl_c, ctrl_shutdown};
use tokio_util::sync::CancellationToken;

// ANCHOR: which
/// Which signal came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// SIGINT: somebody has pressed Ctrl-C.
    Interrupt,
    /// SIGTERM: a container, systemd or `kill` ends the program.
    Terminate,
}

impl Which {
    /// The exit code if this signal has ended the program: 128 + its number.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}
// ANCHOR_END: which

// ANCHOR: signals
/// The signals that ask the program to stop. Make one, before all else, and keep it.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl Signals {
    /// From now on, these signals do not end the program any more.
    ///
    /// # Errors
    /// The system refuses the handler.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for the next signal. One that came since the last call counts too.
    ///
    /// # Cancel safety
    /// If you drop this, no signal is lost.
    pub async fn next(&mut self) -> Which {
        select! {
            _ = self.interrupt.recv() => Which::Interrupt,
            _ = self.terminate.recv() => Which::Terminate,
        }
    }
}
// ANCHOR_END: signals

/// The signals that ask the program to stop. Make one, before all else, and keep it.
#[cfg(windows)]
#[derive(Debug)]
pub struct Signals {
    interrupt: CtrlC,
    terminate: CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    /// From now on, these signals do not end the program any more.
    ///
    /// # Errors
    /// The system refuses the handler.
    pub fn new() -> io::Result<Self> {
        Ok(Self { interrupt: ctrl_c()?, terminate: ctrl_shutdown()? })
    }

    /// Waits for the next signal. One that came since the last call counts too.
    ///
    /// # Cancel safety
    /// If you drop this, no signal is lost.
    pub async fn next(&mut self) -> Which {
        select! {
            _ = self.interrupt.recv() => Which::Interrupt,
            _ = self.terminate.recv() => Which::Terminate,
        }
    }
}

// ANCHOR: until_signal
/// Runs `server`, and cancels `stop` at the first signal. Gives what `server` gives, or
/// the second signal if that comes first.
///
/// # Errors
/// The second signal has come, and `server` was dropped where it was.
///
/// # Cancel safety
/// If you drop this, `server` is dropped, and `signals` loses no signal.
pub async fn until_signal<F: Future>(
    server: F,
    signals: &mut Signals,
    stop: &CancellationToken,
) -> Result<F::Output, Which> {
    let mut server = pin!(server);
    select! {
        output = &mut server => return Ok(output),
        _first = signals.next() => stop.cancel(),
    }
    select! {
        output = &mut server => Ok(output),
        second = signals.next() => Err(second),
    }
}
// ANCHOR_END: until_signal

/// What most code starts with, kept to be measured against.
pub mod naive {
    use tokio::signal::ctrl_c;
    use tokio::sync::mpsc;

    use super::*;

    // ANCHOR: naive_jobs
    /// Wrong: each round makes a new `ctrl_c()`, which sees only what comes after it.
    ///
    /// # Errors
    /// The system refuses the handler.
    pub async fn each_round<F: Future<Output = ()>>(
        mut jobs: mpsc::Receiver<u32>,
        run: impl Fn(u32) -> F,
    ) -> io::Result<()> {
        // ANCHOR: each_round
        // ANCHOR: fresh
        loop {
            select! {
                biased; // the signal first
                signal = ctrl_c() => return signal,
                Some(job) = jobs.recv() => run(job).await,
            }
        }
        // ANCHOR_END: fresh
        // ANCHOR_END: each_round
    }
    // ANCHOR_END: naive_jobs
}

// ANCHOR: jobs
/// Runs jobs one after another, until a signal comes. Finishes the job that runs.
///
/// # Cancel safety
/// If you drop this, the job that runs is dropped, and `signals` loses no signal.
pub async fn jobs_until_signal<F: Future<Output = ()>>(
    mut jobs: tokio::sync::mpsc::Receiver<u32>,
    run: impl Fn(u32) -> F,
    signals: &mut Signals,
) -> Which {
    // ANCHOR: one_for_all
    loop {
        select! {
            biased; // the signal first
            which = signals.next() => return which,
            Some(job) = jobs.recv() => run(job).await,
        }
    }
    // ANCHOR_END: one_for_all
}
// ANCHOR_END: jobs

#[cfg(all(test, unix))]
mod tests;
