//! A page can be read at one sitting, or says why not.

use std::fmt::Write as _;

use book::book::Book;
use book::problem::Problems;
use book::render::lengths;
use book::source::Cache;
use book::source::length::{MOST_LINES, MOST_WORDS};
use book_tests::{LISTING, PAGE, SmallBook, the_book};

/// Where the text of the page can go on.
const HERE: &str = "## What it promises";

fn read(small: &SmallBook) -> Result<Book, Problems> {
    Book::read(small.root(), &mut Cache::default())
}

/// The one mistake in a book.
fn refused(small: &SmallBook) -> String {
    let Problems(problems) = read(small).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

/// The small book with so many more words on its page.
fn with_words(count: usize) -> SmallBook {
    let text = format!("{}\n\n{HERE}", "word ".repeat(count));
    SmallBook::default().with(PAGE, HERE, &text)
}

/// The small book with more code: parts of at most 40 lines, with this before each.
fn with_code(lines: usize, before: &str) -> SmallBook {
    let (mut code, mut page) = (String::new(), String::new());
    for (part, from) in (0..lines).step_by(40).enumerate() {
        let body = "// a line\n".repeat(40.min(lines - from));
        let _ =
            write!(code, "// ANCHOR: part_{part}\n{body}// ANCHOR_END: part_{part}\n");
        let _ = write!(
            page,
            "{before}```rust\n{{{{#include ../../listings/some-pattern/src/a_topic.rs:part_{part}}}}}\n```\n\n"
        );
    }
    let end = if before.is_empty() { "" } else { "</details>\n\n" };
    SmallBook::default()
        .with(LISTING, "#[cfg(test)]", &format!("{code}\n#[cfg(test)]"))
        .with(PAGE, HERE, &format!("{page}{end}{HERE}"))
}

#[test]
fn too_many_words_are_refused_where_they_begin() {
    let small = with_words(MOST_WORDS);
    let told = refused(&small);
    assert!(told.starts_with(&format!("{PAGE}:9: ")), "{told}");
    assert!(
        told.contains("on the open path; a page has 1200 and 150 at most"),
        "{told}"
    );
    assert!(told.contains("help: make it two pages"), "{told}");
    // The page has ten more: its headings and its table.
    read(&with_words(MOST_WORDS - 10)).unwrap();
    read(&small.with(
        PAGE,
        HERE,
        "<!-- long: it is one idea -->\n\n## What it promises",
    ))
    .unwrap();
}

#[test]
fn too_much_code_is_refused_where_it_begins() {
    // The page has a function of three lines already, and a use of six below.
    let told = refused(&with_code(MOST_LINES - 2, ""));
    assert!(told.contains("words and 157 lines of code on the open path"), "{told}");
    assert!(told.starts_with(&format!("{PAGE}:21: ")), "{told}");
    read(&with_code(MOST_LINES - 9, "")).unwrap();
}

#[test]
fn what_is_folded_or_comes_last_has_no_limit() {
    let fold = "<details>\n<summary>Rare</summary>\n\n";
    let folded = with_code(40, fold);
    let book = read(&folded).unwrap();
    let page = book.pages.iter().find(|it| it.page.file == PAGE).unwrap();
    let lines: Vec<_> =
        page.open_code(&book.promises).map(|(_, lines)| lines).collect();
    // The function, for its figure none, and the use.
    assert_eq!(lines, [3, 0, 6]);
    let last = format!(
        "{}\n\n## Deeper\n\n{}\n",
        SmallBook::default().read(PAGE),
        "word ".repeat(2 * MOST_WORDS)
    );
    let small = SmallBook::default();
    small.write(PAGE, &last);
    read(&small).unwrap();
}

#[test]
fn a_reason_that_is_not_needed_or_not_given_is_refused() {
    let small = SmallBook::default().with(
        PAGE,
        HERE,
        "<!-- long: so -->\n\n## What it promises",
    );
    let told = refused(&small);
    assert!(told.starts_with(&format!("{PAGE}:9: ")), "{told}");
    assert!(
        told.contains("not needed") && told.contains("help: remove the comment"),
        "{told}"
    );
    let small = with_words(MOST_WORDS).with(
        PAGE,
        HERE,
        "<!-- long: -->\n\n## What it promises",
    );
    assert!(refused(&small).contains("without a reason"));
}

#[test]
fn a_page_to_look_something_up_in_has_no_limit() {
    let small = SmallBook::default().with(
        "src/SUMMARY.md",
        "- [A topic]",
        "- [Terms](reference/terms.md)\n- [A topic]",
    );
    small.write(
        "src/reference/terms.md",
        &format!("# Terms\n\n{}\n", "word ".repeat(2 * MOST_WORDS)),
    );
    let table = lengths::table(&read(&small).unwrap());
    assert!(table.contains(" 2401     0  src/reference/terms.md  no limit"), "{table}");
    small.write("src/reference/terms.md", "# Terms\n\n<!-- long: so -->\n");
    assert!(refused(&small).contains("has no limit"));
}

#[test]
fn the_table_has_each_page_and_the_sum() {
    let table = lengths::table(&read(&SmallBook::default()).unwrap());
    let lines: Vec<_> = table.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "    4     0  src/index.md",
            "   10     9  src/some-pattern/a-topic.md",
            "   14     9  2 pages",
        ]
    );
    assert_eq!(lengths::table(the_book()).lines().count(), the_book().pages.len() + 2);
}
