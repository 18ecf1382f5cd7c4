//! The book builds, and keeps what it promises about its pages.

use book::book::{EXERCISE_TESTS, Shown};
use book::layout::{Place, html_path};
use book::source::Cache;
use book::source::paths::as_main;
use book_tests::{
    LISTING, PAGE, Rendered, SmallBook, by_id, pasted, root, selector, shown, the_book,
};

#[test]
fn the_book_builds_without_a_mistake() {
    the_book();
}

#[test]
fn every_page_links_to_its_source_and_to_a_place_to_report_a_mistake() {
    let rendered = Rendered::book();
    for page in &the_book().pages {
        let file = &page.page.file;
        let name = html_path(file);
        let page = rendered.page(&name);
        let links: Vec<_> = page
            .select(&selector(".colophon a"))
            .filter_map(|link| link.value().attr("href"))
            .collect();
        assert_eq!(links.len(), 2, "{name}: {links:?}");
        assert!(links[0].ends_with(&format!("blob/main/{file}")), "{name}");
        assert!(links[1].contains("/issues/new"), "{name}");
    }
}

#[test]
fn every_listing_and_promise_stands_in_the_rendered_pages() {
    let (book, print) = (the_book(), Rendered::book().page("print.html"));
    let count = |css: &str| print.select(&selector(css)).count();
    let wanted = |of: fn(&Shown) -> bool| shown(book).filter(|it| of(it)).count();
    let tests = wanted(|it| matches!(it, Shown::Test(_)));
    let exercises = wanted(|it| matches!(it, Shown::Exercise { .. }));
    assert_eq!(
        count("figure.listing"),
        wanted(|it| matches!(it, Shown::Listing { .. } | Shown::Use(_)))
            + tests
            + 2 * exercises
    );
    assert_eq!(count("details.solution figure.listing"), exercises);
    assert_eq!(
        count("figure.drawing:not(.chart)"),
        wanted(|it| matches!(it, Shown::Figure(_)))
    );
    assert_eq!(count("figure.chart"), wanted(|it| matches!(it, Shown::Chart(_))));
    assert_eq!(count("figure.output"), wanted(|it| matches!(it, Shown::Output(_))));
    assert_eq!(count("details.proof") + tests, book.promises.len());
    let marks: usize = book.pages.iter().map(|page| page.proofs.len()).sum();
    assert_eq!(count("a.mark"), marks);
}

#[test]
fn an_exercise_stands_open_and_its_solution_is_folded() {
    let tests = format!("{EXERCISE_TESTS}#[test]\nfn it_is_right() {{}}\n");
    let small = SmallBook::with_an_exercise(
        &format!("fn one() {{}}\n{tests}"),
        &format!("fn two() {{}}\n{tests}"),
    );
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let said = |css: &str| -> String {
        let found = page.select(&selector(css)).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "{css}");
        found[0].text().collect()
    };
    let tests = tests.trim_end();
    assert_eq!(said("#exercise-a-topic code.rust"), format!("fn one() {{}}\n{tests}"));
    assert!(said("#exercise-a-topic figcaption").contains("--test exercise-a-topic"));
    let folded = "details.solution:not([open]) #solution-a-topic";
    assert_eq!(said(&format!("{folded} code.rust")), format!("fn two() {{}}\n{tests}"));
    assert!(said(&format!("{folded} figcaption")).contains("--test solution-a-topic"));
}

#[test]
fn a_reader_sees_a_mark_and_is_told_the_name_of_the_test() {
    let small = SmallBook::default();
    let more =
        "\n## More\n\nIt is right, too. [✓](proof:it_is_right)\n\n## End\n\nWords.\n";
    small.write(PAGE, &format!("{}{more}", small.read(PAGE)));
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let marks: Vec<_> = page.select(&selector("a.mark")).collect();
    assert_eq!(marks.len(), 2, "one in the table, one in the sentence");
    for mark in marks {
        assert_eq!(mark.text().collect::<String>(), "✓");
        assert_eq!(mark.attr("href"), Some("#promise-a-topic-it_is_right"));
        assert_eq!(mark.attr("title"), Some("it is right"));
        assert_eq!(mark.attr("aria-label"), Some("Proof: it is right"));
    }
    let table: String = page
        .select(&selector("table:has(.mark) td"))
        .flat_map(|cell| cell.text())
        .collect();
    assert_eq!(table, "It is right✓");
}

#[test]
fn proofs_stand_folded_at_the_end_of_their_section() {
    let small = SmallBook::default();
    let text = "# What it promises\n\nIt is right. [✓](proof:it_is_right) Is it?\n\nMore words.\n\n## Next\n\nWords.\n";
    small.write(PAGE, text);
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let inside = selector("main > p, main > h2, main > details");
    let order: Vec<_> =
        page.select(&inside).map(|it| it.value().name()).take(5).collect();
    assert_eq!(order, ["p", "p", "details", "h2", "p"]);
    let folds = selector("details.proofs");
    let summary: String = page.select(&folds).next().unwrap().text().take(1).collect();
    assert_eq!(summary, "1 proof");
}

#[test]
fn a_fold_of_promises_says_how_many_they_are() {
    let small = SmallBook::default();
    let table = "| Promise | Proof |\n|---|---|\n| It is right | `it_is_right` |\n| So it is | `it_is_right` |\n";
    let fold = format!("<details class=\"promises\">\n\n{table}\n</details>\n");
    small.write(PAGE, &format!("# What it promises\n\n{fold}"));
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let summary = selector("details.promises > summary");
    let summary: String = page.select(&summary).next().unwrap().text().collect();
    assert_eq!(summary, "All 2 promises, each with its test");
    let rows = selector("details.promises tbody tr");
    assert_eq!(page.select(&rows).count(), 2);
}

#[test]
fn a_test_that_a_page_shows_is_the_proof() {
    let small = SmallBook::default();
    small.write("src/index.md", "# Home\n\nSo:\n\n{{#test a_topic::it_is_right}}\n");
    let rendered = Rendered::of(small.root());
    let id = "promise-a-topic-it_is_right";
    let shown = rendered.page("index.html");
    let code = selector(&format!("figure.test#{id} code.rust"));
    let code: String = shown.select(&code).next().unwrap().text().collect();
    assert!(code.starts_with("#[test]\nfn it_is_right() {"), "{code}");
    let page = rendered.page("some-pattern/a-topic.html");
    let mark = page.select(&selector("a.mark")).next().unwrap();
    assert_eq!(mark.attr("href"), Some(format!("../index.html#{id}").as_str()));
    assert_eq!(page.select(&selector("details.proof")).count(), 0);
}

#[test]
fn a_whole_use_is_shown_with_what_it_needs_and_copied_with_what_it_calls() {
    let small = SmallBook::default();
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let text = |css: &str| -> String {
        page.select(&selector(css)).flat_map(|it| it.text()).collect()
    };
    let program = "use some_pattern::a_topic::idea;\n\n\
                   #[tokio::main(flavor = \"current_thread\", start_paused = true)]\n\
                   async fn main() {\n    println!(\"{}\", idea());\n}";
    assert_eq!(text("#use-a-topic pre code.rust"), program);
    assert_eq!(
        text("#use-a-topic .command"),
        "cargo run -p some-pattern --example some-pattern-uses a_topic"
    );
    assert_eq!(
        text("#use-a-topic .needs code"),
        "[dependencies]\ntokio = { version = \"1\", features = [\"test-util\"] }\n"
    );
    assert_eq!(text("#output-use-a-topic code.language-text"), "42\n");
    let listing = "//! A topic.\n\npub fn idea() -> u32 {\n    42\n}\n";
    let copied = pasted(&page, "use-a-topic");
    let module = copied.strip_prefix(program).expect("the program comes first");
    let (before, after) = module.split_once(listing).expect("the file, whole");
    assert!(before.contains("\nmod some_pattern {\n"), "{before}");
    assert!(before.ends_with("\npub mod a_topic {\n"), "{before}");
    assert!(after.ends_with("}\n}\n"), "{after}");
}

#[test]
fn what_a_listing_calls_is_pasted_too_and_found_by_its_path() {
    let small = SmallBook::default().with(
        LISTING,
        "//! A topic.\n",
        "//! A topic.\n\nuse other::Policy;\nuse some_pattern::third::more;\n",
    );
    small.write("listings/some-pattern/src/third.rs", "pub fn more() {}\n");
    small.write("listings/other/Cargo.toml", "");
    let root = "extern crate self as other;\n\npub mod policy;\npub mod unused;\n\n\
                pub use policy::{Another, Policy};\npub use unused::Unused;\n";
    small.write("listings/other/src/lib.rs", root);
    small.write("listings/other/src/policy.rs", "pub struct Policy;\n");
    small.write("listings/other/src/unused.rs", "pub struct Unused;\n");
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let copied = pasted(&page, "use-a-topic");
    let modules: Vec<_> = copied
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter(|line| line.contains("mod ") || line.contains("use "))
        .filter(|line| *line != "mod tests {")
        .collect();
    assert_eq!(
        modules,
        [
            "use some_pattern::a_topic::idea;",
            "mod some_pattern {",
            "pub mod a_topic {",
            "use other::Policy;",
            "use some_pattern::third::more;",
            "use crate::other;",
            "use crate::some_pattern;",
            "pub mod third {",
            "mod other {",
            "pub mod policy {",
            "pub use policy::{Another, Policy};",
        ]
    );
    for whole in ["whole-a-topic", "whole-third", "whole-policy"] {
        assert!(by_id(&page).contains_key(whole), "{whole}");
    }
}

#[test]
fn what_a_comment_says_to_writers_is_not_in_the_page() {
    let small = SmallBook::default();
    let text = small.read("src/index.md");
    small.write("src/index.md", &format!("{text}\n<!-- a\nremark -->\n\nThe end.\n"));
    let page = Rendered::of(small.root()).page("index.html").html();
    assert!(!page.contains("remark") && page.contains("The end."), "{page}");
}

#[test]
fn nothing_of_mdbooks_syntax_is_left_in_a_page() {
    for (name, page) in Rendered::book().pages() {
        let text: String = page.root_element().text().collect();
        assert!(!text.contains("{{#"), "{name}");
    }
}

#[test]
fn a_listing_is_shown_as_it_stands_in_its_file() {
    let small = SmallBook::default();
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let code = page.select(&selector("#listing-a-topic-an_idea code.rust")).next();
    let code: String = code.unwrap().text().collect();
    assert_eq!(code.trim_end(), "pub fn idea() -> u32 {\n    42\n}");
}

#[test]
fn a_listing_is_shown_with_the_imports_that_it_needs() {
    let small = SmallBook::default()
        .with(
            LISTING,
            "//! A topic.\n",
            "//! A topic.\n\nuse std::fmt::{Debug, Display};\nuse std::io;\n",
        )
        .with(LISTING, "pub fn idea() -> u32 {", "pub fn idea() -> impl Display {");
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let code = page.select(&selector("#listing-a-topic-an_idea code.rust")).next();
    let code: String = code.unwrap().text().collect();
    assert_eq!(
        code.trim_end(),
        "use std::fmt::Display;\n\npub fn idea() -> impl Display {\n    42\n}"
    );
    let quiet = page.select(&selector(".imports")).next().unwrap();
    assert_eq!(quiet.text().collect::<String>(), "use std::fmt::Display;\n\n");
}

#[test]
fn a_listing_within_another_one_has_no_imports_of_its_own() {
    let include = "{{#include ../../listings/some-pattern/src/a_topic.rs:";
    let small = SmallBook::default()
        .with(LISTING, "//! A topic.\n", "//! A topic.\n\nuse std::time::Duration;\n")
        .with(
            LISTING,
            "    42\n",
            "    // ANCHOR: inside\n    Duration::ZERO.subsec_nanos()\n    // ANCHOR_END: inside\n",
        )
        .with(
            PAGE,
            "## What it promises",
            &format!("```rust\n{include}inside}}}}\n```\n\n## What it promises"),
        );
    let book = book_tests::read(small.root());
    let imports: Vec<_> =
        book.pages[1].blocks.iter().map(|block| block.imports.as_str()).collect();
    assert_eq!(imports[..3], ["use std::time::Duration;\n", "", ""]);
}

#[test]
fn every_listing_shown_is_part_of_its_file() {
    let root = root();
    let print = Rendered::book().page("print.html");
    let (print, code) = (by_id(&print), selector("code.rust"));
    let imports = selector(".imports");
    let plain = |code: &str| code.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    for part in shown(the_book()) {
        let Shown::Listing { listing, anchor } = part else { continue };
        let path = &listing.file.path;
        let file = std::fs::read_to_string(root.join(path)).unwrap();
        let file = match listing.file.place {
            Place::Use => as_main(&file),
            _ => file.as_str().into(),
        };
        let file: Vec<_> =
            file.lines().filter(|line| !line.contains("// ANCHOR")).collect();
        let shown = print.get(&*listing.file.listing_id(anchor));
        let shown = shown.and_then(|listing| listing.select(&code).next());
        let shown = shown.unwrap_or_else(|| panic!("{path}:{anchor}"));
        let imports = shown.select(&imports).flat_map(|it| it.text());
        let imports: String = imports.collect();
        let shown: String = shown.text().collect();
        let shown = shown.strip_prefix(&imports).unwrap_or(&shown).trim_start();
        assert!(
            plain(&file.join("\n")).contains(plain(shown).trim_end()),
            "{path}:{anchor}"
        );
    }
}

#[test]
fn a_wrong_listing_says_so_in_words() {
    let small = SmallBook::default()
        .with(PAGE, "an_idea}}", "wrong}}")
        .with(
            LISTING,
            "#[cfg(test)]",
            "pub mod naive {\n    // ANCHOR: wrong\n    pub fn wrong() {}\n    // ANCHOR_END: wrong\n}\n\n#[cfg(test)]",
        );
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let verdict = page.select(&selector("figure.wrong .verdict")).next().unwrap();
    assert!(verdict.text().any(|text| text.contains("Wrong")));
}

#[test]
fn wrong_and_right_stand_in_one_pair_each_with_its_words_and_its_whole_code() {
    let pair = "<div class=\"compare\">\n\n**Wrong:** it is [43](#what-it-promises).\n\n```rust\n\
                {{#include ../../listings/some-pattern/src/a_topic.rs:wrong}}\n```\n\n**Right:** it is 42.\n\n```rust\n\
                {{#include ../../listings/some-pattern/src/a_topic.rs:right}}\n```\n\n</div>\n\n## What it promises";
    let function = |answer: u32| {
        format!(
            "pub fn answer() -> u32 {{\n    first();\n    second();\n    third();\n    fourth();\n    fifth();\n    sixth();\n    seventh();\n    {answer}\n}}\n"
        )
    };
    let (wrong, right) = (function(43), function(42));
    let small = SmallBook::default().with(PAGE, "## What it promises", pair).with(
        LISTING,
        "#[cfg(test)]",
        &format!(
            "// ANCHOR: right\n{right}// ANCHOR_END: right\n\npub mod naive {{\n// ANCHOR: wrong\n{wrong}// ANCHOR_END: wrong\n}}\n\n#[cfg(test)]"
        ),
    );
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let one = |css: &str| {
        let found: Vec<_> = page.select(&selector(css)).collect();
        assert_eq!(found.len(), 1, "{css}");
        found[0]
    };
    let text = |css: &str| one(css).text().collect::<String>();
    assert_eq!(text(".compare > .wrong > p"), "Wrong: it is 43.");
    assert_eq!(text(".compare > .right > p"), "Right: it is 42.");
    // The page says what is wrong, and nothing else does.
    assert_eq!(page.select(&selector(".compare .verdict")).count(), 0);
    assert_eq!(text(".wrong #listing-a-topic-wrong code.rust"), wrong.trim_end());
    assert_eq!(text(".right #listing-a-topic-right code.rust"), right.trim_end());
    assert_eq!(text(".wrong .del"), "    43\n");
    assert_eq!(text(".right .add"), "    42\n");
    let left_out = "pub fn answer() -> u32 {\n    first();\n    second();\n    third();\n    fourth();\n    fifth();\n    sixth();\n";
    assert_eq!([text(".wrong .same"), text(".right .same")], [left_out, left_out]);
    assert_eq!(one(".compare").value().attr("style"), Some("--columns: 14"));
}

#[test]
fn footnotes_come_last_below_a_heading() {
    let text = "It is right.[^a] And again.[^a]\n\n[^a]: *So*.\n\n## What it promises";
    let small = SmallBook::default().with(PAGE, "## What it promises", text);
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let html = page.html();
    let at = |part: &str| html.find(part).unwrap_or_else(|| panic!("no {part}"));
    assert!(at("class=\"whole\"") < at("id=\"notes\""));
    assert!(at("id=\"notes\"") < at("class=\"footnote-definition\""));
    let back = selector("#footnote-a a[href^='#fr-a-']");
    assert_eq!(page.select(&back).count(), 2);
    let heading = page.select(&selector("h2.notes")).next().unwrap();
    assert_eq!(heading.text().collect::<String>(), "Notes");
    assert_eq!(rendered.page("index.html").select(&selector(".notes")).count(), 0);
}

#[test]
fn windows_line_ends_give_the_same_page() {
    let small = SmallBook::default();
    let before = Rendered::of(small.root());
    for file in [PAGE, LISTING] {
        let text = small.read(file).replace('\n', "\r\n");
        small.write(file, &text);
    }
    let after = Rendered::of(small.root());
    let name = "some-pattern/a-topic.html";
    assert_eq!(before.page(name).html(), after.page(name).html());
}

#[test]
fn a_proof_stands_on_the_page_of_its_topic_whoever_names_it_first() {
    let small = SmallBook::default();
    let table = "\n\n| Promise | Proof |\n|---|---|\n| It is right | `a_topic::it_is_right` |\n";
    small.write("src/index.md", &format!("# Home{table}"));
    let rendered = Rendered::of(small.root());
    let id = "promise-a-topic-it_is_right";
    let proof = selector(&format!("details.proof #{id}"));
    assert_eq!(rendered.page("index.html").select(&proof).count(), 0);
    assert_eq!(rendered.page("some-pattern/a-topic.html").select(&proof).count(), 1);
    let link = selector(&format!("a[href='some-pattern/a-topic.html#{id}']"));
    assert_eq!(rendered.page("index.html").select(&link).count(), 1);
}

#[test]
fn each_file_is_parsed_once_and_what_did_not_change_not_again() {
    let (small, mut cache) = (SmallBook::default(), Cache::default());
    let folder = tempfile::tempdir().unwrap();
    let build = |cache: &mut Cache| {
        let dest = folder.path().join(cache.parses().to_string());
        book::mdbook::build_for_serving(small.root(), &dest, cache).unwrap();
    };
    // Two pages, a listing, a use, two recordings, a figure.
    build(&mut cache);
    assert_eq!((cache.parses(), cache.len()), (7, 7));
    build(&mut cache);
    assert_eq!(cache.parses(), 7, "nothing has changed");
    small.write(PAGE, &small.read(PAGE).replace("It is right", "It is always right"));
    build(&mut cache);
    assert_eq!((cache.parses(), cache.len()), (8, 7));
}

#[test]
fn what_is_gone_is_not_kept() {
    let (small, mut cache) = (SmallBook::default(), Cache::default());
    let extra = "listings/some-pattern/src/another.rs";
    small.write(extra, "//! Another topic.\n");
    book::book::Book::read(small.root(), &mut cache).unwrap();
    let before = cache.len();
    std::fs::remove_file(small.root().join(extra)).unwrap();
    book::book::Book::read(small.root(), &mut cache).unwrap();
    assert_eq!(cache.len(), before - 1);
}

#[test]
fn a_page_has_the_same_proofs_wherever_the_tests_stand() {
    let small = SmallBook::default();
    let before = Rendered::of(small.root());
    let listing = small.read(LISTING);
    let (code, tests) = listing.split_once("#[cfg(test)]\nmod tests {").unwrap();
    let tests = tests.trim_end().strip_suffix('}').unwrap().replace("\n    ", "\n");
    small.write(LISTING, &format!("{code}#[cfg(test)]\nmod tests;\n"));
    small.write("listings/some-pattern/src/a_topic/tests.rs", &tests);
    let after = Rendered::of(small.root());
    let proof = |rendered: &Rendered| -> String {
        let page = rendered.page("some-pattern/a-topic.html");
        let proof =
            page.select(&selector("#promise-a-topic-it_is_right code.rust")).next();
        proof.unwrap().text().collect()
    };
    assert_eq!(proof(&before), proof(&after));
    let page = after.page("some-pattern/a-topic.html");
    let whole = page.select(&selector("details.whole code.rust")).next().unwrap();
    assert!(!whole.text().collect::<String>().contains("mod tests"));
}

#[test]
fn what_a_program_prints_stays_in_its_block() {
    let small = SmallBook::default();
    let printed = "```\n<b>bold</b>\n{{#include ../index.md}}\n````\nend\n";
    small.write("listings/some-pattern/examples/a_program.out", printed);
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let code =
        page.select(&selector("#output-a-program code.language-text")).next().unwrap();
    assert_eq!(code.text().collect::<String>(), printed);
}
