//! What begins with a runtime, and what ends with it.

use std::future::Future; // only edition 2021 needs this line
use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task_local;

// ANCHOR: client
/// Does requests for code that is not async, on a runtime of its own. You may drop it
/// anywhere.
#[derive(Debug)]
pub struct BlockingClient {
    handle: Handle,
    runtime: Option<Runtime>, // `None` only while it is dropped
}

impl BlockingClient {
    /// # Errors
    /// The system gives no thread, or no driver for sockets.
    pub fn new() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Blocks this thread until `request` has ended.
    ///
    /// # Panics
    /// In async code.
    pub fn call<F: Future>(&self, request: F) -> F::Output {
        self.handle.block_on(request)
    }
}

impl Drop for BlockingClient {
    fn drop(&mut self) {
        // ANCHOR: anywhere
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // waits for nothing
        }
        // ANCHOR_END: anywhere
    }
}
// ANCHOR_END: client

// ANCHOR: task_local
task_local! {
    static USER: u32;
}

/// Waits, and then says who the user is. Everything that `wait` calls may ask `user()`.
///
/// # Cancel safety
/// If you drop this, `wait` is dropped.
pub async fn greet<F: Future<Output = ()>>(user: u32, wait: F) -> u32 {
    // ANCHOR: of_the_task
    let greeting = USER.scope(user, async {
        wait.await;
        USER.get() // of this task, on any thread
    });
    greeting.await
    // ANCHOR_END: of_the_task
}
// ANCHOR_END: task_local

/// What most code starts with, kept to be measured against.
pub mod naive {
    use std::cell::Cell;
    use std::sync::LazyLock;

    use super::*;
    /// Wrong if its tasks must end well: nobody ever drops a static.
    pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let runtime = Builder::new_multi_thread().enable_all().build();
        runtime.expect("the system gives threads")
    });

    /// Wrong: it panics if a task drops it.
    #[derive(Debug)]
    pub struct BlockingClient {
        runtime: Option<Runtime>,
    }

    impl BlockingClient {
        /// # Errors
        /// The system gives no thread, or no driver for sockets.
        pub fn new() -> io::Result<Self> {
            Ok(Self { runtime: Some(Runtime::new()?) })
        }
    }

    impl Drop for BlockingClient {
        fn drop(&mut self) {
            // ANCHOR: plain
            if let Some(runtime) = self.runtime.take() {
                drop(runtime); // blocks, so in a task it panics
            }
            // ANCHOR_END: plain
        }
    }

    // ANCHOR: thread_local
    thread_local! {
        static USER: Cell<u32> = const { Cell::new(0) };
    }

    /// Wrong: another task may run on this thread meanwhile, or this task on another one.
    pub async fn greet<F: Future<Output = ()>>(user: u32, wait: F) -> u32 {
        // ANCHOR: of_the_thread
        USER.set(user);
        wait.await;
        USER.get() // of this thread, by whoever wrote it last
        // ANCHOR_END: of_the_thread
    }
    // ANCHOR_END: thread_local
}

#[cfg(test)]
mod tests;
