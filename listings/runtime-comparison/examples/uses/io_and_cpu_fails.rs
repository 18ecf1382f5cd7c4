//! The line is cut, and the computation is told.

use std::error::Error;
use std::io;

use rayon::ThreadPoolBuilder;
use tokio::sync::oneshot;

use super::shown::io_and_cpu::{both, checksum};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolBuilder::new().num_threads(2).build()?;
    let archive = b"a whole archive".repeat(100);
    // ANCHOR: fails
    let (begins, began) = oneshot::channel();
    let (says, said) = oneshot::channel();
    let receive = async {
        let _ = began.await; // the computation is under way
        Err::<u32, _>(io::Error::other("the line is cut"))
    };
    let work = both(receive, &pool, move |stop| {
        let _ = begins.send(());
        let mut hash = 0;
        while !stop.is_cancelled() {
            hash ^= checksum(&archive, 1); // again and again, until it is told
        }
        let _ = says.send("the computation was told");
        hash
    });
    if let Err(error) = work.await {
        let cause = error.source().map(ToString::to_string);
        println!("{error}: {}", cause.unwrap_or_default());
    }
    println!("{}", said.await?);
    // ANCHOR_END: fails
    Ok(())
}
