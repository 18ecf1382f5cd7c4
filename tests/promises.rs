//! Each test that a page names is compiled and would run.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use book::preprocess::Promise;
use book_tests::root;

#[test]
fn each_promise_names_a_live_test() {
    let report = book::build::report(&root()).unwrap();
    let live = live_tests();
    assert!(report.promises.len() > 50, "{} promises", report.promises.len());
    let dead = dead(&report.promises, &live);
    assert!(dead.is_empty(), "not in `cargo test -- --list`:\n{}", dead.join("\n"));
}

#[test]
fn a_promise_whose_test_is_not_compiled_is_found() {
    let promise = |file: &str, test: &str| Promise {
        page: "src/p.md".into(),
        line: 3,
        file: file.into(),
        test: test.into(),
    };
    let live = BTreeSet::from([
        "a_topic::tests::it_holds".to_owned(),
        "it_is_outside".to_owned(),
    ]);
    let here = promise("listings/p/src/a_topic.rs", "it_holds");
    let outside = promise("listings/p/tests/a_topic.rs", "it_is_outside");
    assert_eq!(dead(&[here, outside], &live), Vec::<String>::new());
    let gone = promise("listings/p/src/a_topic.rs", "holds");
    assert_eq!(
        dead(&[gone], &live),
        ["src/p.md:3: holds in listings/p/src/a_topic.rs"]
    );
}

/// The promises whose tests are not among the live ones.
fn dead(promises: &[Promise], live: &BTreeSet<String>) -> Vec<String> {
    promises
        .iter()
        .filter(|promise| !is_live(promise, live))
        .map(|it| {
            format!("{}:{}: {} in {}", it.page.display(), it.line, it.test, it.file)
        })
        .collect()
}

fn is_live(promise: &Promise, live: &BTreeSet<String>) -> bool {
    let file = Path::new(&promise.file);
    if promise.file.starts_with("listings/refused/") {
        // trybuild takes every file of the folder; its one test must be there.
        return live.contains("the_compiler_refuses_what_the_book_says_it_refuses");
    }
    let module = file.file_stem().unwrap_or_default().to_string_lossy();
    let (unit, integration) =
        (format!("{module}::tests::{}", promise.test), &promise.test);
    if file.iter().any(|part| part == "tests") {
        live.contains(integration)
    } else {
        live.contains(&unit)
    }
}

/// What `cargo test -- --list` prints; the tests are compiled already, so that is quick.
fn live_tests() -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args([
        "test",
        "--workspace",
        "--lib",
        "--tests",
        "--quiet",
    ]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.args(["--", "--list"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list = String::from_utf8(output.stdout).unwrap();
    list.lines()
        .filter_map(|line| Some(line.strip_suffix(": test")?.to_owned()))
        .collect()
}
