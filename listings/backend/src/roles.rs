//! A test that starts its own program again as a child, for what happens when a process ends.
//!
//! Support: no page shows this file.

use std::env;
use std::process::Command;

const ROLE: &str = "TEST_ROLE";

/// This test program again: only the test `test`, by its whole path, which finds `role` by [`role`].
///
/// # Panics
/// The program is not to be found.
pub fn again(test: &str, role: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// What this process was started for; `None` if it is no child of [`again`].
pub fn role() -> Option<String> {
    env::var(ROLE).ok()
}

#[cfg(test)]
mod tests;
