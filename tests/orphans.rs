//! Everything in the book is used by a page, or says that it is not meant to be.

use book_tests::{LISTING, PAGE, SmallBook, orphans, root};

#[test]
fn everything_in_the_book_is_used_by_a_page() {
    let orphans = orphans::of(&root());
    assert!(orphans.is_empty(), "{}", orphans.join("\n"));
}

/// The one orphan of a book, as a line of text.
fn found(small: &SmallBook) -> String {
    let orphans = orphans::of(small.root());
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    orphans.into_iter().next().unwrap()
}

#[test]
fn a_listing_that_no_page_shows_is_found() {
    let small = SmallBook::default();
    small.write("listings/some-pattern/src/another.rs", "//! Another topic.\n");
    assert_eq!(found(&small), "listings/some-pattern/src/another.rs: no page shows it");
}

#[test]
fn a_file_that_says_it_is_support_may_stay() {
    let small = SmallBook::default();
    small.write(
        "listings/some-pattern/src/another.rs",
        &format!("{}.\n", orphans::SUPPORT),
    );
    assert_eq!(orphans::of(small.root()), Vec::<String>::new());
}

#[test]
fn an_exemption_that_is_not_needed_is_found() {
    let small = SmallBook::default().with(LISTING, "//! A topic.", orphans::SUPPORT);
    assert!(found(&small).ends_with("a page shows it, so it is not support"));
}

#[test]
fn an_anchor_that_no_page_shows_is_found() {
    let extra = "// ANCHOR: more\nfn more() {}\n// ANCHOR_END: more\n\n#[cfg(test)]";
    let small = SmallBook::default().with(LISTING, "#[cfg(test)]", extra);
    assert!(found(&small).ends_with("no page shows its anchor more"));
}

#[test]
fn a_program_that_no_page_shows_is_found() {
    let small = SmallBook::default();
    small.write("listings/some-pattern/examples/other.rs", "//! Runs.\nfn main() {}\n");
    assert!(found(&small).ends_with("other.rs: no page shows it"));
}

#[test]
fn a_recording_or_figure_that_no_page_shows_is_found() {
    let small = SmallBook::default().with(PAGE, "{{#figure a-topic}}", "");
    assert!(found(&small).ends_with("figures/a_topic.json: no page shows it"));
    let small = SmallBook::default();
    small.write("listings/some-pattern/examples/b.out", "1\n");
    assert!(found(&small).ends_with("b.out: no page shows it"));
}

#[test]
fn a_page_that_the_summary_does_not_name_is_found() {
    let small = SmallBook::default();
    small.write("src/lost.md", "# Lost\n");
    assert_eq!(found(&small), "src/lost.md: SUMMARY.md does not name it");
}

#[test]
fn a_file_of_tests_that_no_page_names_is_found() {
    let small = SmallBook::default();
    small
        .write("listings/some-pattern/tests/a_topic.rs", "#[test]\nfn it_works() {}\n");
    assert!(found(&small).ends_with("no page names a test of it"));
}
