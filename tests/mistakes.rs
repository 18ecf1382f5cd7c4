//! Each mistake that an author can make is refused, with the file, the line and the mend.

use std::fs;

use book_tests::{LISTING, PAGE, SmallBook};

/// Builds a book with mistakes over a good one, and returns the error.
fn refused(small: &SmallBook) -> String {
    let dest = tempfile::tempdir().unwrap();
    fs::write(dest.path().join("index.html"), "the last good book").unwrap();
    let error = book::build::build(small.root(), Some(dest.path())).unwrap_err();
    let kept = fs::read_to_string(dest.path().join("index.html")).unwrap();
    assert_eq!(kept, "the last good book", "a mistake loses nothing");
    format!("{error:#}")
}

/// One mistake, and parts of what is said about it.
fn assert_refused(small: &SmallBook, parts: &[&str]) {
    let error = refused(small);
    for part in parts.iter().chain(&["help: "]) {
        assert!(error.contains(part), "no `{part}` in: {error}");
    }
}

#[test]
fn a_book_without_mistakes_is_built() {
    let (small, dest) = (SmallBook::default(), tempfile::tempdir().unwrap());
    book::build::build(small.root(), Some(dest.path())).unwrap();
    assert!(dest.path().join("some-pattern/a-topic.html").is_file());
}

#[test]
fn an_unknown_anchor() {
    let small =
        SmallBook::default().with(PAGE, "a_topic.rs:an_idea", "a_topic.rs:no_idea");
    assert_refused(
        &small,
        &["a-topic.md:3: ", "has no anchor `no_idea`", "one of: an_idea"],
    );
}

#[test]
fn a_missing_file() {
    let small =
        SmallBook::default().with(PAGE, "a_topic.rs:an_idea", "nowhere.rs:an_idea");
    assert_refused(
        &small,
        &["a-topic.md:3: ", "no listing listings/some-pattern/src/nowhere.rs"],
    );
    let small = SmallBook::default().with(PAGE, "a_program.out", "no_program.out");
    assert_refused(&small, &["a-topic.md:15: ", "no_program.out", "record"]);
}

#[test]
fn an_empty_anchor() {
    let small =
        SmallBook::default().with(LISTING, "pub fn idea() -> u32 {\n    42\n}\n", "");
    assert_refused(&small, &["a_topic.rs:3: ", "`an_idea` holds nothing"]);
}

#[test]
fn a_proof_that_names_no_test() {
    let small = SmallBook::default().with(PAGE, "`it_is_right`", "`it_is_left`");
    assert_refused(&small, &["a-topic.md:13: ", "no test `it_is_left` in a_topic"]);
}

#[test]
fn a_proof_that_is_ignored() {
    let small = SmallBook::default().with(PAGE, "`it_is_right`", "`it_is_skipped`");
    assert_refused(&small, &["a-topic.md:13: ", "is ignored", "remove #[ignore]"]);
}

#[test]
fn a_proof_that_could_be_one_of_two() {
    let small = SmallBook::default();
    small.write(
        "listings/some-pattern/tests/a_topic.rs",
        "#[test]\nfn it_is_right() {}\n",
    );
    assert_refused(&small, &["a-topic.md:13: ", "src/a_topic.rs and in ", "say which"]);
}

#[test]
fn a_summary_entry_without_a_page() {
    let small = SmallBook::default().with("src/SUMMARY.md", "a-topic.md", "b-topic.md");
    assert_refused(&small, &["SUMMARY.md:5: ", "no page src/some-pattern/b-topic.md"]);
    let small =
        SmallBook::default().with("src/SUMMARY.md", "(some-pattern/a-topic.md)", "()");
    assert_refused(&small, &["SUMMARY.md:5: ", "an entry without a page"]);
}

#[test]
fn two_listings_with_the_same_id() {
    let text = SmallBook::default().read(LISTING);
    let small = SmallBook::default().with(
        PAGE,
        "{{#figure a-topic}}",
        "```rust\n{{#include ../../listings/other-pattern/src/a_topic.rs:an_idea}}\n```",
    );
    small.write("listings/other-pattern/src/a_topic.rs", &text);
    assert_refused(
        &small,
        &["a-topic.md:7: ", "`listing-a-topic-an_idea` stands in", "a-topic.md:3"],
    );
}

#[test]
fn a_listing_shown_twice() {
    let small = SmallBook::default().with(
        "src/index.md",
        "See",
        "```rust\n{{#include ../listings/some-pattern/src/a_topic.rs:an_idea}}\n```\n\nSee",
    );
    assert_refused(&small, &["a-topic.md:3: ", "stands in src/index.md:3 already"]);
}

#[test]
fn a_figure_that_was_never_recorded() {
    let small =
        SmallBook::default().with(PAGE, "{{#figure a-topic}}", "{{#figure b-topic}}");
    assert_refused(&small, &["a-topic.md:7: ", "no recorded figure `b-topic`"]);
}

#[test]
fn a_recording_of_a_figure_that_is_broken() {
    let file = "listings/some-pattern/figures/a_topic.json";
    let small = SmallBook::default().with(file, "\"end\": 10", "\"end\": \"late\"");
    assert_refused(&small, &[file, "expected u64", "record"]);
}

#[test]
fn code_of_its_own_without_a_reason() {
    let small = SmallBook::default().with(
        "src/index.md",
        "See",
        "```rust\nfn f() {}\n```\n\nSee",
    );
    assert_refused(
        &small,
        &["src/index.md:3: ", "a block with code of its own", "unproved:"],
    );
}

#[test]
fn html_that_does_not_balance() {
    let small = SmallBook::default().with("src/index.md", "See", "<div>\n\nSee");
    assert_refused(&small, &["src/index.md:3: ", "<div> is never closed"]);
}

#[test]
fn a_listing_that_is_not_rust() {
    let small = SmallBook::default().with(LISTING, "-> u32 {", "-> u32 {{");
    assert_refused(&small, &["a_topic.rs:", "not Rust"]);
}

#[test]
fn a_listing_with_a_mistake_is_told_once() {
    let small = SmallBook::default().with(LISTING, "-> u32 {", "-> u32 {{");
    let error = refused(&small);
    assert_eq!(error.matches("help: ").count(), 1, "{error}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let small = SmallBook::default().with(PAGE, "`it_is_right`", "`it_is_left`").with(
        PAGE,
        "a_topic.rs:an_idea",
        "a_topic.rs:no_idea",
    );
    assert_refused(&small, &["a-topic.md:3: ", "a-topic.md:13: "]);
}
