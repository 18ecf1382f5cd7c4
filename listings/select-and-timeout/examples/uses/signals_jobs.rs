use super::shown::signals::{Signals, until_signal};
use rustix::process::{Signal, getpid, kill_process};
use std::process::exit;
use tokio_util::sync::CancellationToken;

/// The rest of a job, during which somebody presses Ctrl-C.
async fn run(job: u32, stop: &CancellationToken) {
    println!("job {job} begins");
    kill_process(getpid(), Signal::INT).expect("a process may signal itself");
    stop.cancelled().await; // so that the output is the same each time
    println!("job {job} has ended");
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> std::io::Result<()> {
    // ANCHOR: jobs
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let jobs = async {
        for job in 1..=3 {
            if stop.is_cancelled() {
                return "the other jobs are left";
            }
            run(job, &stop).await; // in your program: the job
        }
        "all jobs are done"
    };
    match until_signal(jobs, &mut signals, &stop).await {
        Ok(report) => println!("{report}"),
        Err(second) => exit(second.exit_code().into()),
    }
    // ANCHOR_END: jobs
    Ok(())
}
