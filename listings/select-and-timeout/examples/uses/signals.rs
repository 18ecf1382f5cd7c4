use select_and_timeout::signals::{Signals, until_signal};
use std::process::{Command, exit, id};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// At work: `serve(…)`. Here it needs half a second to stop.
pub(crate) async fn server(stop: CancellationToken) -> &'static str {
    stop.cancelled().await;
    println!("stopping");
    sleep(Duration::from_millis(500)).await;
    "all requests are answered"
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> std::io::Result<()> {
    let mut signals = Signals::new()?; // before all else
    let stop = CancellationToken::new();
    // Delete this line at work: somebody else sends the signal.
    Command::new("kill").arg(id().to_string()).status()?; // SIGTERM

    match until_signal(server(stop.clone()), &mut signals, &stop).await {
        Ok(report) => println!("{report}"),
        Err(second) => exit(second.exit_code().into()), // somebody is in a hurry
    }
    Ok(())
}
