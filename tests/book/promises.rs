//! Each test that a page names is compiled and would run.

use std::collections::BTreeSet;
use std::process::Command;

use book::book::Book;
use book::layout::Place;
use book_tests::{LISTING, SmallBook, read, root, the_book};

#[test]
fn each_promise_names_a_live_test() {
    let book = the_book();
    assert!(book.promises.len() > 50, "{} promises", book.promises.len());
    let dead = dead(book, &live_tests());
    assert!(dead.is_empty(), "not in `cargo test -- --list`:\n{}", dead.join("\n"));
}

#[test]
fn a_promise_whose_test_is_not_compiled_is_found() {
    let small = SmallBook::default();
    let book = read(small.root());
    let live = |name: &str| BTreeSet::from([name.to_owned()]);
    assert_eq!(dead(&book, &live("a_topic::tests::it_is_right")), Vec::<String>::new());
    let dead = dead(&book, &live("it_is_right"));
    assert_eq!(
        dead,
        [format!("src/some-pattern/a-topic.md:13: it_is_right in {LISTING}")]
    );
}

/// The promises whose tests are not among the live ones.
fn dead(book: &Book, live: &BTreeSet<String>) -> Vec<String> {
    let dead = book.promises.iter().filter(|promise| {
        let name = match promise.listing.file.place {
            // trybuild takes every file of the folder; its one test must be there.
            Place::Refused => {
                "the_compiler_refuses_what_the_book_says_it_refuses".to_owned()
            }
            _ => promise.listing.file.test_path(&promise.test),
        };
        !live.contains(&name)
    });
    dead.map(|it| {
        format!("{}:{}: {} in {}", it.page, it.line, it.test, it.listing.file.path)
    })
    .collect()
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
