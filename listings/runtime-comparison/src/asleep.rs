//! Whether a thread sleeps, for proofs that a runtime does not spin.
//!
//! Support: no page shows this file.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::{fs, thread};

use futures::channel::oneshot;

/// Is ready when the thread that polls it has slept once since.
pub(crate) async fn woken_when_its_thread_sleeps() {
    let (sender, woken) = oneshot::channel();
    let thread = fs::read_link("/proc/thread-self").expect("a thread of Linux");
    thread::spawn(move || {
        let stat = Path::new("/proc").join(thread).join("stat");
        let sleeps = || fs::read_to_string(&stat).is_ok_and(|it| it.contains(") S "));
        while !sleeps() {
            thread::yield_now();
        }
        sender.send(())
    });
    woken.await.expect("the thread sends");
}
