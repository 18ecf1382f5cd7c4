use super::shown::one_error_type::joined;
use std::future::pending;
use std::io;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: task
    let missing = io::Error::from(io::ErrorKind::NotFound);
    let failed = tokio::spawn(async { Err::<String, _>(missing) });
    let aborted = tokio::spawn(pending::<io::Result<String>>());
    aborted.abort();
    for task in [failed, aborted] {
        match joined(task).await {
            Ok(settings) => println!("{settings}"),
            Err(error) => println!("{error}"),
        }
    }
    // ANCHOR_END: task
}
