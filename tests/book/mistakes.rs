//! Each mistake that an author can make is refused, with the file, the line and the mend.

use std::fs;
use std::path::Path;

use book::mdbook::Built;
use book::source::Cache;
use book_tests::{LISTING, PAGE, SmallBook};

/// Builds a book with mistakes over a good one, and returns the error.
fn refused(small: &SmallBook) -> String {
    let dest = tempfile::tempdir().unwrap();
    fs::write(dest.path().join("index.html"), "the last good book").unwrap();
    let error = build(small, dest.path()).unwrap_err();
    let kept = fs::read_to_string(dest.path().join("index.html")).unwrap();
    assert_eq!(kept, "the last good book", "a mistake loses nothing");
    format!("{error:#}")
}

fn build(small: &SmallBook, dest: &Path) -> anyhow::Result<Built> {
    book::mdbook::build(small.root(), Some(dest), &mut Cache::default())
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
    build(&small, dest.path()).unwrap();
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
fn a_mark_that_names_no_test() {
    let small = SmallBook::default().with(
        PAGE,
        "# A topic\n",
        "# A topic\n\nSo. [✓](proof:a)\n",
    );
    assert_refused(&small, &["a-topic.md:3: ", "no test `a` in a_topic"]);
}

#[test]
fn a_test_to_show_that_is_not_there_or_shown_twice() {
    let small = SmallBook::default();
    small.write("src/index.md", "# Home\n\n{{#test a_topic::none}}\n");
    assert_refused(&small, &["index.md:3: ", "no test `none` in a_topic"]);
    let twice = "{{#test a_topic::it_is_right}}\n\n";
    small.write("src/index.md", &format!("# Home\n\n{twice}{twice}"));
    assert_refused(&small, &["index.md:5: ", "index.md:3 already"]);
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
        &[
            "a-topic.md:7: ",
            "`listing-a-topic-an_idea` stands in",
            "a-topic.md:3",
            "have the same name",
        ],
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

#[test]
fn a_summary_that_leads_out_of_the_book_writes_nothing_outside() {
    for target in ["../../victim.md", "/tmp/victim.md", "some-pattern/../../victim.md"]
    {
        let small = SmallBook::default().with(
            "src/SUMMARY.md",
            "some-pattern/a-topic.md",
            target,
        );
        assert_refused(&small, &["SUMMARY.md:5: ", "leads out of src/"]);
    }
}

#[test]
fn a_page_that_the_summary_names_twice() {
    let entry = "- [A topic](some-pattern/a-topic.md)\n";
    for (again, what) in [
        ("some-pattern/a-topic.md", "line 5 gives already"),
        (
            "./some-pattern/a-topic.md",
            "another spelling of src/some-pattern/a-topic.md",
        ),
        ("README.md", "line 3 gives already"),
    ] {
        let more = format!("{entry}- [Again]({again})\n");
        let small = SmallBook::default().with("src/SUMMARY.md", entry, &more);
        small.write("src/README.md", "# Home\n");
        assert_refused(&small, &["SUMMARY.md:6: ", what]);
    }
}

#[test]
fn a_summary_without_pages() {
    for summary in ["", "# Summary\n\n# A part\n"] {
        let small = SmallBook::default();
        small.write("src/SUMMARY.md", summary);
        assert_refused(&small, &["src/SUMMARY.md: ", "no entry names a page"]);
    }
}

#[test]
fn a_link_that_leads_nowhere() {
    let link = "some-pattern/a-topic.md#what-it-promises";
    for (wrong, what) in [
        ("some-pattern/nowhere.md", "src/some-pattern/nowhere.md, which is no page"),
        ("some-pattern/nowhere.html", "which is no page"),
        (
            "some-pattern/a-topic.md#nothing",
            "src/some-pattern/a-topic.md has no id `nothing`",
        ),
        ("#nothing", "src/index.md has no id `nothing`"),
        ("../outside.md", "leads out of the book"),
        ("/some-pattern/a-topic.md", "leads out of the book"),
        ("picture.png", "src/picture.png, which is no page"),
    ] {
        let small = SmallBook::default().with("src/index.md", link, wrong);
        assert_refused(&small, &["src/index.md:3: ", what]);
    }
    let small = SmallBook::default();
    let image = small.with("src/index.md", "See", "![An image](gone.png) See");
    assert_refused(&image, &["src/index.md:3: ", "src/gone.png, which is no page"]);
}

#[test]
fn links_that_lead_somewhere_are_no_mistake() {
    for link in [
        "some-pattern/a-topic.html#listing-a-topic-an_idea",
        "some-pattern/a-topic.md#promise-a-topic-it_is_right",
        "some-pattern/a-topic.md#figure-a-topic",
        "https://example.org/#x",
        "mailto:a@example.org",
        "#home",
        "print.html",
        "picture.png",
    ] {
        let wanted = "some-pattern/a-topic.md#what-it-promises";
        let small = SmallBook::default().with("src/index.md", wanted, link);
        small.write("src/picture.png", "");
        let dest = tempfile::tempdir().unwrap();
        build(&small, dest.path()).unwrap_or_else(|error| panic!("{link}: {error:#}"));
    }
}

#[test]
fn a_heading_that_meets_an_id_of_the_book() {
    let small = SmallBook::default().with(
        PAGE,
        "## What it promises",
        "## Listing a-topic an_idea",
    );
    small.write("src/index.md", "# Home\n");
    assert_refused(
        &small,
        &["a-topic.md:9: ", "is what src/some-pattern/a-topic.md:3"],
    );
}

#[test]
fn a_file_that_nothing_would_look_at() {
    for file in [
        "listings/some-pattern/src/a_topic/more.rs",
        "listings/some-pattern/tests/common/mod.rs",
        "listings/some-pattern/notes.md",
        "listings/some-pattern/ui/a.rs",
        "listings/stray.rs",
    ] {
        let small = SmallBook::default();
        small.write(file, "");
        assert_refused(&small, &[&format!("{file}: "), "does not know", "move it"]);
    }
}

#[test]
fn what_editors_leave_is_no_mistake() {
    let small = SmallBook::default();
    for file in [".a_topic.rs.swp", "a_topic.rs~", "#a_topic.rs#", ".DS_Store"] {
        small.write(&format!("listings/some-pattern/src/{file}"), "");
    }
    build(&small, tempfile::tempdir().unwrap().path()).unwrap();
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_a_broken_link_is_no_empty_folder() {
    let small = SmallBook::default();
    std::os::unix::fs::symlink("nowhere", small.root().join("listings/other")).unwrap();
    assert_refused(&small, &["listings/other: ", "does not know"]);
}

#[test]
fn a_recording_that_is_not_text() {
    let small = SmallBook::default();
    let file = "listings/some-pattern/examples/a_program.out";
    fs::write(small.root().join(file), b"\xff\xfe").unwrap();
    assert_refused(&small, &[file, "UTF-8"]);
}

#[test]
fn a_recording_of_what_no_run_gives() {
    let file = "listings/some-pattern/figures/a_topic.json";
    let small = SmallBook::default().with(file, "\"from\": 0", "\"from\": 11");
    assert_refused(&small, &[file, "11 ms comes after 10 ms", "record a-topic"]);
}

#[test]
fn two_tests_of_one_name_in_one_file() {
    let small = SmallBook::default().with(
        LISTING,
        "#[cfg(test)]",
        "#[cfg(test)]\nmod more {\n    #[test]\n    fn it_is_right() {}\n}\n\n#[cfg(test)]",
    );
    assert_refused(&small, &["a-topic.md:13: ", "two modules of one file"]);
}

#[test]
fn a_page_of_the_same_name_in_two_patterns_keeps_its_own_proofs() {
    let small = SmallBook::default();
    small.write(
        "listings/other-pattern/src/a_topic.rs",
        "#[test]\nfn it_is_left() {}\n",
    );
    let table = "# Other\n\n| Promise | Proof |\n|---|---|\n| x | `it_is_left` |\n";
    small.write("src/other-pattern/a-topic.md", table);
    let small = small.with(
        "src/SUMMARY.md",
        "- [A topic]",
        "- [Other](other-pattern/a-topic.md)\n- [A topic]",
    );
    let book = book_tests::read(small.root());
    let places: Vec<_> =
        book.promises.iter().map(|it| (it.test.as_str(), it.page.as_str())).collect();
    assert_eq!(
        places,
        [("it_is_left", "src/other-pattern/a-topic.md"), ("it_is_right", PAGE)]
    );
}

#[test]
fn what_mdbook_only_warns_of() {
    let misspelt = "[output.html]\ntheem = \"theme\"\n[output.html.playground]";
    let small =
        SmallBook::default().with("book.toml", "[output.html.playground]", misspelt);
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("out");
    let error = format!("{:#}", build(&small, &dest).unwrap_err());
    assert!(error.contains("theem") && error.contains("help: "), "{error}");
    assert!(!dest.exists(), "nothing was built");
}

#[test]
fn book_toml_that_is_not_toml() {
    let small = SmallBook::default().with("book.toml", "[book]", "[book");
    assert_refused(&small, &["book.toml"]);
}

#[test]
fn a_package_whose_tests_cargo_does_not_find() {
    let file = "listings/some-pattern/Cargo.toml";
    let small = SmallBook::default();
    small.write(file, "[package]\nautotests = false\n");
    assert_refused(&small, &[file, "never runs", "remove it"]);
}

#[test]
fn a_measurement_that_is_gone_is_measured_again() {
    let small =
        SmallBook::default().with(PAGE, "examples/a_program.out", "benches/a_log.out");
    assert_refused(
        &small,
        &["a-topic.md:15: ", "RECORD=1 cargo bench -p some-pattern --bench a_log"],
    );
}

#[test]
fn an_include_in_a_quote() {
    let quoted = "> ```text\n> {{#include ../listings/some-pattern/examples/a_program.out}}\n> ```\n\nSee";
    let small = SmallBook::default().with("src/index.md", "See", quoted);
    assert_refused(&small, &["src/index.md:3: ", "not at column 0", "quotes"]);
}
