//! Each mistake that an author can make is refused, with the file, the line and the mend.

use std::fs;
use std::path::Path;

use book::book::EXERCISE_TESTS;
use book::mdbook::Built;
use book::source::Cache;
use book_tests::{LISTING, PAGE, SmallBook, USE};

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
fn a_chart_without_data_and_data_that_is_no_chart() {
    let chart = |json: &str| {
        let small = SmallBook::default().with(
            PAGE,
            "{{#figure a-topic}}",
            "{{#chart a_chart}}",
        );
        if !json.is_empty() {
            small.write("listings/some-pattern/data/a_chart.json", json);
        }
        small
    };
    let file = "listings/some-pattern/data/a_chart.json";
    assert_refused(&chart(""), &["a-topic.md:7: ", "no chart `a_chart`", file]);
    assert_refused(&chart("{}"), &[file, "missing field", "listings/recording"]);
    let none = "{\"title\": \"\", \"machine\": \"\", \"measure\": \"\", \"values\": {\"lines\": {\
                \"across\": \"\", \"series\": [{\"name\": \"a\", \"points\": [[1, []]]}]}}}";
    assert_refused(&chart(none), &[file, "no rounds of a"]);
}

#[test]
fn an_exercise_without_a_solution_or_with_another_one() {
    let tests = format!("{EXERCISE_TESTS}#[test]\nfn it_is_right() {{}}\n");
    let (task, solved) = (format!("fn one() {{}}\n{tests}"), "fn two() {}\n");
    let solution = format!("{solved}{tests}");
    let refused = |task: &str, solution: &str, parts: &[&str]| {
        let small = SmallBook::with_an_exercise(task, solution);
        assert_refused(&small, &[&["a-topic.md:7: "], parts].concat());
    };
    refused("", &solution, &["no listings/some-pattern/exercises/a_topic.rs"]);
    refused(&task, "", &["no listings/some-pattern/solutions/a_topic.rs"]);
    refused(&task, solved, &["exercises/a_topic.rs or its solution lacks a line"]);
    refused(&task, &format!("{solution}// More.\n"), &["the tests of", "differ"]);
    refused(&task, &task, &["exercises/a_topic.rs is solved already"]);
}

#[test]
fn dependencies_that_the_workspace_does_not_have() {
    let small = SmallBook::default().with(
        PAGE,
        "{{#figure a-topic}}",
        "{{#dependencies tokio, smol}}",
    );
    assert_refused(&small, &["a-topic.md:7: ", "no dependency `smol`"]);
}

#[test]
fn a_recording_of_a_figure_that_is_broken() {
    let file = "listings/some-pattern/figures/a_topic.json";
    let small = SmallBook::default().with(file, "\"end\": 10", "\"end\": \"late\"");
    assert_refused(&small, &[file, "expected u64", "record"]);
}

/// The small book with the function of its listing beside another, which its page shows as the wrong one.
fn with_a_pair(module: &str, code: &str) -> SmallBook {
    let other = format!(
        "pub mod {module} {{\n    // ANCHOR: other\n{code}    // ANCHOR_END: other\n}}\n\n#[cfg(test)]"
    );
    let include = "{{#include ../../listings/some-pattern/src/a_topic.rs:";
    let pair = format!(
        "<div class=\"compare\">\n\n**Wrong:** it is 43.\n\n```rust\n{include}other}}}}\n```\n\n\
         **Right:** it is 42.\n\n```rust\n{include}an_idea}}}}\n```\n\n</div>"
    );
    let fence = format!("```rust\n{include}an_idea}}}}\n```");
    SmallBook::default().with(LISTING, "#[cfg(test)]", &other).with(PAGE, &fence, &pair)
}

const WRONG: &str = "    pub fn idea() -> u32 {\n        43\n    }\n";

#[test]
fn a_pair_of_two_functions_is_no_mistake() {
    let dest = tempfile::tempdir().unwrap();
    build(&with_a_pair("naive", WRONG), dest.path()).unwrap();
    build(&with_a_pair("another", WRONG), &dest.path().join("again")).unwrap();
}

#[test]
fn wrong_and_right_that_are_the_same() {
    let same = WRONG.replace("43", "42");
    assert_refused(
        &with_a_pair("naive", &same),
        &["a-topic.md:3: ", "wrong and right are the same code", "two anchors"],
    );
}

#[test]
fn a_right_version_that_is_wrong() {
    let small = with_a_pair("naive", WRONG)
        .with(PAGE, ":other}}", ":x}}")
        .with(PAGE, ":an_idea}}", ":other}}")
        .with(PAGE, ":x}}", ":an_idea}}");
    assert_refused(&small, &["a-topic.md:13: ", "`other` is wrong in ", "`mod naive`"]);
}

#[test]
fn a_pair_that_is_not_one() {
    let small = with_a_pair("naive", WRONG).with(PAGE, "**Right:**", "Right:");
    assert_refused(
        &small,
        &[
            "a-topic.md:11: ",
            "a pair needs a paragraph that begins with **Right:**",
            "**Wrong:** and why",
        ],
    );
    let small = with_a_pair("naive", WRONG).with(PAGE, "</div>", "More.\n\n</div>");
    assert_refused(&small, &["a-topic.md:17: ", "a pair needs </div> here"]);
}

#[test]
fn a_footnote_that_nothing_refers_to() {
    let small =
        SmallBook::default().with("src/index.md", "See", "[^a]: A note.\n\nSee");
    assert_refused(&small, &["src/index.md:3: ", "nothing refers to the footnote `a`"]);
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

/// The listing of the small book with a type that its function gives, and an import that this needs.
fn with_a_type() -> SmallBook {
    SmallBook::default()
        .with(LISTING, "//! A topic.\n", "//! A topic.\n\nuse std::io;\nuse std::time::Duration;\n\n/// An answer.\npub struct Answer(io::Result<u32>);\n")
        .with(LISTING, "pub fn idea() -> u32 {\n    42", "pub fn idea() -> Answer {\n    Answer(Ok(42))")
        .with(LISTING, "assert_eq!(idea(), 42)", "assert_eq!(idea().0.unwrap(), 42)")
}

#[test]
fn a_type_that_the_page_shows_nowhere() {
    assert_refused(
        &with_a_type(),
        &[
            "a-topic.md:3: ",
            "uses `Answer`, which the page shows nowhere",
            "src/a_topic.rs:7",
            "<!-- not shown: Answer: the reason -->",
        ],
    );
    let excuse = "<!-- not shown: Answer: the text says what it holds -->\n\n```rust";
    let small = with_a_type().with(PAGE, "```rust", excuse);
    build(&small, tempfile::tempdir().unwrap().path()).unwrap();
    let shown = with_a_type()
        .with(LISTING, "/// An answer.", "// ANCHOR: answer\n/// An answer.")
        .with(LISTING, "u32>);", "u32>);\n// ANCHOR_END: answer")
        .with(
            PAGE,
            "```rust",
            "```rust\n{{#include ../../listings/some-pattern/src/a_topic.rs:answer}}\n```\n\n```rust",
        );
    build(&shown, tempfile::tempdir().unwrap().path()).unwrap();
}

#[test]
fn an_excuse_for_a_type_that_says_nothing() {
    for (excuse, what) in [
        ("Answer: it is short", "`Answer` is no type of a file"),
        ("Answer:", "an excuse without a reason"),
        ("Answer", "an excuse without a reason"),
    ] {
        let excuse = format!("<!-- not shown: {excuse} -->\n\n```rust");
        let small = SmallBook::default().with(PAGE, "```rust", &excuse);
        assert_refused(&small, &["a-topic.md:3: ", what]);
    }
    let small = with_a_type()
        .with(LISTING, "-> Answer {\n    Answer(Ok(42))", "-> u32 {\n    42")
        .with(PAGE, "```rust", "<!-- not shown: Answer: it is short -->\n\n```rust");
    assert_refused(&small, &["a-topic.md:3: ", "not needed: the page shows `Answer`"]);
    let twice =
        "<!-- not shown: Answer: a -->\n<!-- not shown: Answer: b -->\n\n```rust";
    let small = with_a_type().with(PAGE, "```rust", twice);
    assert_refused(&small, &["a-topic.md:4: ", "excused a second time"]);
}

#[test]
fn a_hint_at_a_fence_that_says_nothing() {
    for (hint, what) in [
        ("uses=Nothing", "src/a_topic.rs imports nothing of this name there"),
        ("uses=", "which nothing reads"),
        ("use=Duration", "`use=Duration` at a fence, which nothing reads"),
        ("ignore", "`ignore` at a fence, which nothing reads"),
    ] {
        let small =
            SmallBook::default().with(PAGE, "```rust", &format!("```rust,{hint}"));
        assert_refused(&small, &["a-topic.md:3: ", what]);
    }
    let small = SmallBook::default()
        .with(LISTING, "//! A topic.\n", "//! A topic.\n\nuse std::time::Duration;\n")
        .with(
            LISTING,
            "-> u32 {\n    42",
            "-> u32 {\n    Duration::ZERO.subsec_nanos()",
        )
        .with(PAGE, "```rust", "```rust,uses=Duration");
    assert_refused(
        &small,
        &["a-topic.md:3: ", "this hint is not needed", "`uses=Duration`"],
    );
}

#[test]
fn a_use_that_does_not_fit_on_a_screen() {
    let more = "    println!();\n".repeat(36);
    let small =
        SmallBook::default().with(USE, "    println", &format!("{more}    println"));
    assert_refused(&small, &[&format!("{USE}: "), "42 lines, more than 40"]);
    let wide = format!("    // {}\n    println", "x".repeat(86));
    let small = SmallBook::default().with(USE, "    println", &wide);
    assert_refused(&small, &[&format!("{USE}: "), "more than 88 columns"]);
}

#[test]
fn a_use_that_needs_what_is_beside_it() {
    for path in ["super::other", "crate::other"] {
        let named = format!("use {path}::x;\nuse some_pattern");
        let small = SmallBook::default().with(USE, "use some_pattern", &named);
        let told = format!("`{path}` leads out of the use");
        assert_refused(&small, &[&format!("{USE}:1: "), &told, "anchor"]);
    }
}

#[test]
fn a_use_of_a_listing_that_cannot_be_pasted() {
    let small = SmallBook::default().with(
        LISTING,
        "//! A topic.\n",
        "//! A topic.\n\nuse crate::other;\n",
    );
    let named = "name it by the package, `some_pattern::…`";
    assert_refused(&small, &[&format!("{LISTING}:3: "), "`crate::other`", named]);
}

#[test]
fn a_use_of_what_no_reader_has() {
    let add = |line: &str| {
        let small = SmallBook::default();
        small.write("listings/helper/Cargo.toml", "");
        let support = "//! Support: no page shows this file.\n";
        small.write("listings/helper/src/site.rs", support);
        small.write("listings/helper/src/lib.rs", "pub use site::Site;\n");
        small.with(USE, "idea;\n", &format!("idea;\n{line}\n"))
    };
    for line in ["use helper::site::Site;", "use helper::{Site};"] {
        assert_refused(
            &add(line),
            &[&format!("{USE}:2: "), "site.rs is not for readers"],
        );
    }
    assert_refused(
        &add("use helper::nothing;"),
        &[&format!("{USE}:2: "), "`helper` has no `nothing`"],
    );
}

#[test]
fn a_use_that_is_not_there() {
    let small = SmallBook::default().with(PAGE, "uses/a_topic.rs", "uses/no_topic.rs");
    assert_refused(&small, &["a-topic.md:19: ", "no listing", "uses/no_topic.rs"]);
}

#[test]
fn two_uses_on_two_pages() {
    let small = SmallBook::default().with(
        "src/index.md",
        "See",
        &format!("```rust\n{{{{#include ../{USE}}}}}\n```\n\nSee"),
    );
    assert_refused(
        &small,
        &["a-topic.md:19: ", "`use-a-topic` stands in src/index.md:3"],
    );
}
