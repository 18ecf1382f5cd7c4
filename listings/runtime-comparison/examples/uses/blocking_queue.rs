//! Two jobs keep both threads of the pool, and a write of one byte waits.

use std::error;
use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;
use tokio::fs;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("settings");
    // ANCHOR: runtime
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(2).build()?;
    // ANCHOR_END: runtime
    // ANCHOR: queue
    runtime.block_on(async {
        let (end_1, ended_1) = mpsc::channel::<()>();
        let (end_2, ended_2) = mpsc::channel::<()>();
        let export_1 = spawn_blocking(move || ended_1.recv());
        let export_2 = spawn_blocking(move || ended_2.recv());
        let mut write = pin!(fs::write(&path, b"1"));
        if timeout(Duration::from_millis(50), &mut write).await.is_err() {
            println!("one byte is not written after 50 ms");
        }
        end_1.send(())?;
        write.await?;
        println!("one export has ended, and the byte is written");
        end_2.send(())?;
        export_1.await??;
        export_2.await??;
        Ok(())
    })
    // ANCHOR_END: queue
}
