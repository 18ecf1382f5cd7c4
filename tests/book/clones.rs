//! Clones of the book may share a target folder, and with it what was compiled from the other one.

use std::process::Command;

use book_tests::{PAGE, SmallBook};

#[test]
fn what_was_compiled_looks_at_the_clone_that_runs_it() {
    let other = SmallBook::default().with(PAGE, "an_idea", "another_idea");
    other.write("tests/Cargo.toml", "");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "builds::the_book_builds_without_a_mistake"])
        .env("CARGO_MANIFEST_DIR", other.root().join("tests"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(&format!("{PAGE}:3: ")), "{said}");
    assert!(said.contains("no anchor `another_idea`"), "{said}");
}
