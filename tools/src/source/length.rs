//! How long a page is for somebody who reads it through.
//!
//! Words are those of prose, lists, tables and headings; code, figures, folds, footnotes, the names of tests and
//! the sections that come last are passed over. Code is what `rust` fences show outside of folds and of those
//! sections, and tests that are shown there; what a run printed is none.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{
    CodeBlockKind, Event, HeadingLevel, Tag, TagEnd,
};

use crate::source::markup::{self, What};

/// More words than this are two pages.
pub const MOST_WORDS: usize = 1_200;

/// More lines of code than this are two pages.
pub const MOST_LINES: usize = 150;

/// The comment that excuses a longer page: `<!-- long: why -->`.
pub const EXCUSE: &str = "long:";

/// The sections that a reader may leave out, with all below them.
const LAST: [&str; 2] = ["In production", "Deeper"];

/// What of a page is read, and how long that is.
#[derive(Debug, Default)]
pub struct Length {
    /// The words.
    pub words: usize,
    /// The fences of Rust, and the paragraphs in whose place something stands, in order.
    pub code: Vec<Range<usize>>,
    /// Why the page may be longer, and where it says so.
    pub excuse: Option<(usize, String)>,
    /// Where there are too many words.
    too_many: Option<usize>,
}

impl Length {
    /// What is wrong with it, if its code has these lines, each block with where it stands: where, what, and how
    /// to mend it. What is looked up and not read `has_no_limit`.
    pub fn mistake(
        &self,
        code: impl IntoIterator<Item = (usize, usize)>,
        has_no_limit: bool,
    ) -> Option<(usize, String, String)> {
        let (mut lines, mut beyond) = (0, self.too_many);
        for (at, more) in code {
            lines += more;
            if lines > MOST_LINES {
                beyond = Some(beyond.map_or(at, |first| first.min(at)));
            }
        }
        let beyond = beyond.filter(|_| !has_no_limit);
        match (&self.excuse, beyond) {
            (Some((at, reason)), _) if reason.is_empty() => {
                let what = "a page that is long without a reason".to_owned();
                Some((*at, what, "write the reason".to_owned()))
            }
            (None, None) | (Some(_), Some(_)) => None,
            (Some((at, _)), None) => {
                let what = if has_no_limit {
                    "this excuse is not needed: a page of reference/ has no limit"
                        .to_owned()
                } else {
                    format!(
                        "this excuse is not needed: {} words and {lines} lines of code are within {MOST_WORDS} and {MOST_LINES}",
                        self.words
                    )
                };
                Some((*at, what, "remove the comment".to_owned()))
            }
            (None, Some(at)) => {
                let what = format!(
                    "{} words and {lines} lines of code on the open path; a page has {MOST_WORDS} and {MOST_LINES} at most",
                    self.words
                );
                let mend = format!(
                    "make it two pages, fold what is rare, or say why: <!-- {EXCUSE} the reason -->"
                );
                Some((at, what, mend))
            }
        }
    }
}

/// Measures a page; at the places that are `passed_over` stands what the page does not say itself.
pub(super) fn measure(
    events: &[(Event<'_>, Range<usize>)],
    passed_over: impl Fn(usize) -> bool,
) -> Length {
    let mut meter = Meter::default();
    for (event, range) in events {
        match event {
            Event::Start(Tag::Paragraph)
                if meter.is_open() && passed_over(range.start) =>
            {
                meter.length.code.push(range.clone());
            }
            Event::Start(tag) => meter.starts(tag, range),
            Event::End(tag) => meter.ends(*tag),
            Event::Text(words) | Event::Code(words) if !passed_over(range.start) => {
                meter.says(words, range.start);
            }
            Event::SoftBreak | Event::HardBreak => meter.says(" ", range.start),
            Event::Html(part) | Event::InlineHtml(part) => {
                meter.html.push_str(part);
                if !meter.in_html {
                    meter.markup(range.start);
                }
            }
            _ => {}
        }
    }
    meter.length
}

#[derive(Default)]
struct Meter {
    length: Length,
    /// What is said without a break, and where that begins.
    said: String,
    from: usize,
    /// The heading that is read.
    heading: Option<HeadingLevel>,
    /// The level of the heading that began what may be left out.
    last: Option<HeadingLevel>,
    /// HTML that is read, and whether it is a block.
    html: String,
    in_html: bool,
    /// Where that block begins.
    html_from: usize,
    /// How many folds are open.
    folds: usize,
    in_code: bool,
    in_note: bool,
}

impl Meter {
    /// Whether what comes is read by everybody.
    fn is_open(&self) -> bool {
        self.folds == 0 && self.last.is_none() && !self.in_note
    }

    fn says(&mut self, words: &str, at: usize) {
        if !self.in_code {
            if self.said.is_empty() {
                self.from = at;
            }
            self.said.push_str(words);
        }
    }

    /// Ends what was said without a break.
    fn pause(&mut self) {
        let said = std::mem::take(&mut self.said);
        if !self.is_open() {
            return;
        }
        let words = said.split_whitespace();
        self.length.words +=
            words.filter(|word| word.contains(char::is_alphanumeric)).count();
        if self.length.words > MOST_WORDS && self.length.too_many.is_none() {
            self.length.too_many = Some(self.from);
        }
    }

    fn starts(&mut self, tag: &Tag<'_>, range: &Range<usize>) {
        match tag {
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } => {
                return;
            }
            _ => self.pause(),
        }
        match tag {
            Tag::Heading { level, .. } => {
                if self.last.is_some_and(|last| *level <= last) {
                    self.last = None;
                }
                self.heading = Some(*level);
            }
            Tag::CodeBlock(kind) => {
                self.in_code = true;
                let is_rust = matches!(kind, CodeBlockKind::Fenced(info) if info.split([',', ' ']).next() == Some("rust"));
                if is_rust && self.is_open() {
                    self.length.code.push(range.clone());
                }
            }
            Tag::HtmlBlock => {
                self.in_html = true;
                self.html_from = range.start;
            }
            Tag::FootnoteDefinition(_) => self.in_note = true,
            _ => {}
        }
    }

    fn ends(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link => {
                return;
            }
            TagEnd::Heading(_) if LAST.contains(&self.said.trim()) => {
                self.last = self.last.or(self.heading);
            }
            _ => {}
        }
        self.pause();
        match tag {
            TagEnd::CodeBlock => self.in_code = false,
            TagEnd::HtmlBlock => {
                self.in_html = false;
                self.markup(self.html_from);
            }
            TagEnd::FootnoteDefinition => self.in_note = false,
            _ => {}
        }
    }

    /// Reads the HTML so far: folds, and the excuse.
    fn markup(&mut self, at: usize) {
        for found in markup::read(&std::mem::take(&mut self.html)) {
            match found.what {
                What::Open { name, .. } if name == "details" => {
                    self.pause();
                    self.folds += 1;
                }
                What::Close(name) if name == "details" => {
                    self.pause();
                    self.folds = self.folds.saturating_sub(1);
                }
                What::Comment(text) => {
                    if let Some(reason) = text.trim().strip_prefix(EXCUSE) {
                        self.length.excuse = Some((at, reason.trim().to_owned()));
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::page::Page;

    fn length(text: &str) -> Length {
        let page = Page::parse("src/some-pattern/a-topic.md", text);
        page.unwrap_or_else(|problems| panic!("{problems:?}")).length
    }

    fn words(text: &str) -> usize {
        length(text).words
    }

    #[test]
    fn words_are_those_that_are_read() {
        assert_eq!(
            words(
                "# One two\n\nThree **four**, [five](#x) - `six()`.\n\n<a id=\"x\"></a>\n"
            ),
            6
        );
        assert_eq!(
            words(
                "- one\n- two\n\n| three | four |\n|---|---|\n| five | six |\n\n> seven\n"
            ),
            7
        );
        assert_eq!(words("a **bo**ld\nword\n"), 3);
    }

    #[test]
    fn code_figures_folds_footnotes_and_proofs_are_passed_over() {
        let include = "```rust\n{{#include ../../listings/p/src/t.rs:a}}\n```\n\n";
        let note = "One.[^n]\n\n[^n]: Not counted.\n\n";
        let fold = format!(
            "<details>\n<summary>not counted</summary>\n\nNot <b>at</b> all.\n\n{}</details>\n\n",
            include.replace(":a", ":b")
        );
        let table =
            "| Two | Proof |\n|---|---|\n| three | `not_counted`, `t::nor_this` |\n\n";
        let text =
            format!("{include}{{{{#figure a-topic}}}}\n\n{note}{fold}{table}Four.\n");
        let length = length(&text);
        // The head of the column, too.
        assert_eq!(length.words, 5);
        assert_eq!(length.code.len(), 2, "and the figure, which has no lines");
    }

    #[test]
    fn the_last_sections_are_passed_over_with_all_below_them() {
        let include = "```rust\n{{#include ../../listings/p/src/t.rs:a}}\n```\n\n";
        let text = format!(
            "# T\n\n## In production\n\nNot.\n\n{include}### Not\n\nNot.\n\n## Then\n\nOne.\n\n### Deeper\n\nNot.\n\n## Two\n"
        );
        let length = length(&text);
        assert_eq!(length.words, 4);
        assert!(length.code.is_empty());
    }

    /// What is wrong with a page of so many words and lines of code.
    fn mistake(before: &str, words: usize, lines: usize) -> Option<(usize, String)> {
        let text = format!("{before}One.\n\n{}\n", "word ".repeat(words - 1));
        let mistake = length(&text).mistake([(5, lines)], false);
        mistake.map(|(at, what, _)| (at, what))
    }

    #[test]
    fn a_page_beyond_a_limit_needs_a_reason() {
        assert_eq!(mistake("", MOST_WORDS, MOST_LINES), None);
        let (at, what) = mistake("", MOST_WORDS + 1, 1).unwrap();
        assert_eq!(at, 6);
        assert!(
            what.starts_with("1201 words and 1 lines of code on the open path"),
            "{what}"
        );
        let (at, what) = mistake("", 5, MOST_LINES + 1).unwrap();
        assert_eq!(at, 5);
        assert!(what.starts_with("5 words and 151 lines"), "{what}");
        let excuse = "<!-- long: it is two pages soon -->\n\n";
        assert_eq!(mistake(excuse, MOST_WORDS + 1, 1), None);
        assert_eq!(mistake(excuse, 5, MOST_LINES + 1), None);
    }

    #[test]
    fn a_reason_that_is_not_needed_or_not_there_is_refused() {
        let (at, what) = mistake("<!-- long: so -->\n\n", 5, 1).unwrap();
        assert!(
            at == 0 && what.contains("5 words and 1 lines of code are within"),
            "{what}"
        );
        let (_, what) = mistake("<!-- long: -->\n\n", MOST_WORDS + 1, 1).unwrap();
        assert!(what.contains("without a reason"), "{what}");
        let excused = length("<!-- long: so -->\n\nOne.\n");
        let (_, what, _) = excused.mistake([], true).unwrap();
        assert!(what.contains("has no limit"), "{what}");
        let long = length(&"word ".repeat(MOST_WORDS + 1));
        assert_eq!(long.mistake([], true), None);
    }
}
