//! A limit for the exports leaves a thread of the pool for others.

use std::error;
use std::sync::{Arc, mpsc};
use tokio::fs;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use super::shown::blocking::limited;

pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("settings");
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(2).build()?;
    // ANCHOR: limit
    runtime.block_on(async {
        let (end_1, ended_1) = mpsc::channel::<()>();
        let (end_2, ended_2) = mpsc::channel::<()>();
        let exports = Arc::new(Semaphore::new(1)); // of two threads
        let both = async {
            tokio::try_join!(
                limited(&exports, move || ended_1.recv()),
                limited(&exports, move || ended_2.recv()),
            )
        };
        let write = async {
            fs::write(&path, b"1").await?;
            println!("the byte is written, and no export has ended");
            end_1.send(())?;
            end_2.send(())?;
            Ok::<_, Box<dyn error::Error>>(())
        };
        let (ends, written) = tokio::join!(both, write);
        written?;
        let (first, second) = ends?;
        first?;
        second?;
        Ok(())
    })
    // ANCHOR_END: limit
}
