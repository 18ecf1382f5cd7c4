//! Everything in the book is used by a page, or says that it is not meant to be.

use book::source::listing::SUPPORT;
use book_tests::{LISTING, PAGE, SmallBook, USE, read, root, the_book};

#[test]
fn everything_in_the_book_is_used_by_a_page() {
    let orphans = the_book().orphans(&root());
    assert!(orphans.is_empty(), "{}", orphans.join("\n"));
}

fn of(small: &SmallBook) -> Vec<String> {
    read(small.root()).orphans(small.root())
}

/// The one orphan of a book, as a line of text.
fn found(small: &SmallBook) -> String {
    let orphans = of(small);
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
    small.write("listings/some-pattern/src/another.rs", &format!("{SUPPORT}.\n"));
    assert_eq!(of(&small), Vec::<String>::new());
}

#[test]
fn the_tests_of_support_need_no_page() {
    let small = SmallBook::default();
    small.write("listings/some-pattern/src/another.rs", &format!("{SUPPORT}.\n"));
    small.write(
        "listings/some-pattern/src/another/tests.rs",
        "#[test]\nfn it_works() {}\n",
    );
    assert_eq!(of(&small), Vec::<String>::new());
}

#[test]
fn an_exemption_that_is_not_needed_is_found() {
    let small = SmallBook::default().with(LISTING, "//! A topic.", SUPPORT).with(
        USE,
        "use some_pattern::a_topic::idea;",
        "fn idea() {}",
    );
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

#[test]
fn a_figure_that_never_runs_is_found() {
    let small = SmallBook::default();
    let folder = "listings/some-pattern/tests/figures";
    small.write(&format!("{folder}/main.rs"), "mod other;\n");
    small.write(&format!("{folder}/other.rs"), "");
    assert_eq!(of(&small), Vec::<String>::new());
    small.write(&format!("{folder}/forgotten.rs"), "");
    assert!(found(&small).contains("has no `mod forgotten;`"));
}

#[test]
fn a_use_that_no_page_shows_is_found() {
    let small = SmallBook::default();
    let folder = "listings/some-pattern/examples/uses";
    small.write(&format!("{folder}/other.rs"), "pub(crate) fn main() {}\n");
    small.write(&format!("{folder}/main.rs"), "mod a_topic;\nmod other;\n");
    let tests = "backend::check_uses!(a_topic, other);\n";
    small.write("listings/some-pattern/tests/programs.rs", tests);
    let orphans = of(&small);
    assert_eq!(
        orphans,
        [
            format!("{folder}/other.rs: no page shows it"),
            format!(
                "{folder}/other.rs: there is no {folder}/other.out: `cargo run -- record`"
            ),
        ]
    );
    small.write(&format!("{folder}/other.out"), "");
    assert_eq!(of(&small).len(), 2, "and no page shows what it prints");
}

#[test]
fn a_use_that_never_runs_is_found() {
    let main = "listings/some-pattern/examples/uses/main.rs";
    let small = SmallBook::default().with(main, "mod a_topic;", "");
    assert!(found(&small).contains("has no `mod a_topic;`"));
    let tests = "listings/some-pattern/tests/programs.rs";
    let small = SmallBook::default().with(tests, "(a_topic)", "()");
    assert!(
        found(&small).contains("`check_uses!` in tests/programs.rs does not name it")
    );
    let two = "(other);\n#[cfg(unix)]\nbackend::check_uses!(a_topic)";
    let small = SmallBook::default().with(tests, "(a_topic)", two);
    assert_eq!(of(&small), Vec::<String>::new(), "each list counts");
}

#[test]
fn a_step_of_a_use_is_shown_by_its_anchors() {
    let small = SmallBook::default();
    let folder = "listings/some-pattern/examples/uses";
    let step = "use super::a_topic::x;\n\n// ANCHOR: step\npub(crate) fn main() {}\n// ANCHOR_END: step\n";
    small.write(&format!("{folder}/a_topic_step.rs"), step);
    small.write(&format!("{folder}/a_topic_step.out"), "1\n");
    small.write(&format!("{folder}/main.rs"), "mod a_topic;\nmod a_topic_step;\n");
    let tests = "backend::check_uses!(a_topic, a_topic_step);\n";
    small.write("listings/some-pattern/tests/programs.rs", tests);
    let fence = |kind: &str, file: &str| {
        format!("\n```{kind}\n{{{{#include ../../{folder}/{file}}}}}\n```\n")
    };
    let step =
        [fence("rust", "a_topic_step.rs:step"), fence("text", "a_topic_step.out")];
    small.write(PAGE, &format!("{}{}", small.read(PAGE), step.concat()));
    assert_eq!(of(&small), Vec::<String>::new());
    let rendered = book_tests::Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let css = book_tests::selector("#listing-use-a-topic-step-step code.rust");
    let code: String = page.select(&css).flat_map(|it| it.text()).collect();
    assert_eq!(code, "fn main() {}");
}
