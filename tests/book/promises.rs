//! Each test that a page names is compiled and would run.

use std::collections::BTreeSet;
use std::process::Command;

use book::book::Book;
use book::layout::{File, Place};
use book_tests::{LISTING, SmallBook, read, root, the_book};

#[test]
fn each_promise_names_a_live_test() {
    let book = the_book();
    assert!(book.promises.len() > 50, "{} promises", book.promises.len());
    let dead = dead(book, &live_tests(&["--workspace", "--lib", "--tests"]), None);
    assert!(dead.is_empty(), "not in `cargo test -- --list`:\n{}", dead.join("\n"));
}

#[test]
#[ignore = "compiles what a feature brings: CI has it compiled"]
fn each_promise_behind_a_feature_names_a_live_test() {
    let book = the_book();
    let behind = book.promises.iter().map(|it| &it.listing.file);
    let behind = behind.filter(|file| file.behind.is_some());
    let selections: BTreeSet<_> = behind.map(File::selection).collect();
    for selection in selections {
        let words = format!("-p {selection} --lib");
        let live = live_tests(&words.split(' ').collect::<Vec<_>>());
        let dead = dead(book, &live, Some(&selection));
        assert!(dead.is_empty(), "not in `cargo test -- --list`:\n{}", dead.join("\n"));
    }
}

#[test]
fn a_promise_whose_test_is_not_compiled_is_found() {
    let small = SmallBook::default();
    let book = read(small.root());
    let live = |name: &str| BTreeSet::from([name.to_owned()]);
    let right = live("a_topic::tests::it_is_right");
    assert_eq!(dead(&book, &right, None), Vec::<String>::new());
    let found = [format!("src/some-pattern/a-topic.md:13: it_is_right in {LISTING}")];
    assert_eq!(dead(&book, &live("it_is_right"), None), found);

    // The same behind a feature: it is asked for with this feature, and only then.
    let root = "#[cfg(feature = \"some\")]\npub mod a_topic;\n";
    small.write("listings/some-pattern/src/lib.rs", root);
    let book = read(small.root());
    let some = Some("some-pattern --features some");
    assert_eq!(dead(&book, &live("it_is_right"), None), Vec::<String>::new());
    assert_eq!(dead(&book, &live("it_is_right"), some), found);
    assert_eq!(dead(&book, &right, some), Vec::<String>::new());
}

/// The promises behind a feature, as cargo is told, or those behind none, whose tests are not among the live ones.
fn dead(book: &Book, live: &BTreeSet<String>, behind: Option<&str>) -> Vec<String> {
    let compiled = book.promises.iter().filter(|it| {
        let file = &it.listing.file;
        file.behind.as_ref().map(|_| file.selection()).as_deref() == behind
    });
    let dead = compiled.filter(|promise| {
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

/// `cargo test`, of the book, as this test was built.
pub(crate) fn cargo_test() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).arg("test");
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo
}

/// What `cargo test -- --list` prints; the tests are compiled already, so that is quick.
fn live_tests(selection: &[&str]) -> BTreeSet<String> {
    let mut cargo = cargo_test();
    cargo.arg("--quiet").args(selection);
    let output = cargo.args(["--", "--list"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list = String::from_utf8(output.stdout).unwrap();
    list.lines()
        .filter_map(|line| Some(line.strip_suffix(": test")?.to_owned()))
        .collect()
}
