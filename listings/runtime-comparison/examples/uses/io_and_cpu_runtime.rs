//! Tasks that compute have a runtime of their own.

use std::error::Error;
use std::thread;

use tokio::runtime::Runtime;
use tokio::task::yield_now;

use super::shown::io_and_cpu::{checksum, cpu_runtime, on_runtime};

// ANCHOR: runtime
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let cpu = cpu_runtime(2)?; // dropped last, outside of async code
    let io = Runtime::new()?;
    let hash = io.block_on(async {
        let task = async {
            let mut hash = 0;
            for part in [b"the first part", b"a second part.", b"the last part."] {
                hash ^= checksum(part, 100);
                yield_now().await; // other tasks of this runtime have a turn
            }
            (hash, thread::current().name().map(str::to_owned))
        };
        on_runtime(cpu.handle(), task).await
    });
    let (hash, thread) = hash?;
    println!("{hash:016x}, on a thread called {}", thread.unwrap_or_default());
    Ok(())
}
// ANCHOR_END: runtime
