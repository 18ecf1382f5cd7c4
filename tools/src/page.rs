//! One page of the book: what its Markdown asks for, and what stands there instead.
//!
//! [`Page::read`] finds the fences, figures, proof tables and HTML of a page and says what is wrong with
//! them; [`crate::preprocess`] puts the pages of a book together.

use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::problem::Problem;
use crate::text::Lines;

/// The comment before a fence that excuses code which is typed into the page: `<!-- unproved: why -->`.
pub const EXCUSE: &str = "unproved:";

/// A page and what stands in it.
#[derive(Debug)]
pub struct Page {
    /// From the root of the book: `src/…`.
    pub file: PathBuf,
    /// The name of the page: `a-b` for `src/pattern/a-b.md`.
    pub topic: String,
    /// Its Markdown, with line ends as on Unix.
    pub text: String,
    /// Where its lines are.
    pub lines: Lines,
    /// What it shows, in order.
    pub shown: Vec<Shown>,
    /// The cells of its *Proof* columns, in order.
    pub proofs: Vec<ProofTable>,
}

/// Something that a page takes from elsewhere.
#[derive(Debug)]
pub struct Shown {
    /// Where it stands in the page.
    pub range: Range<usize>,
    /// What it is.
    pub what: Show,
}

/// What a page can take from elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub enum Show {
    /// A fence of Rust: an anchor of a listing.
    Listing {
        /// From the root of the book.
        path: String,
        /// The name of the anchor.
        anchor: String,
    },
    /// A fence of text: a recorded file, whole.
    Output {
        /// From the root of the book.
        path: String,
    },
    /// `{{#figure name}}`.
    Figure(String),
    /// `{{#versions}}`.
    Versions,
}

/// A table with a column of proofs.
#[derive(Debug)]
pub struct ProofTable {
    /// Where the table ends: its proofs are put there.
    pub end: usize,
    /// The code spans of the column.
    pub names: Vec<ProofName>,
}

/// One name in a *Proof* column.
#[derive(Debug)]
pub struct ProofName {
    /// Where it stands, with its backticks.
    pub range: Range<usize>,
    /// As written: `test` or `topic::test`.
    pub name: String,
}

impl Page {
    /// Reads a page; `file` is its path from the root of the book, `text` its Markdown.
    pub fn read(file: &Path, text: &str) -> (Self, Vec<Problem>) {
        let text = text.replace("\r\n", "\n");
        let topic = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut reader = Reader {
            file,
            lines: Lines::new(&text),
            text: &text,
            shown: Vec::new(),
            proofs: Vec::new(),
            problems: Vec::new(),
            excuse: None,
            open_tags: Vec::new(),
        };
        reader.read();
        let Reader { shown, proofs, problems, lines, .. } = reader;
        (Self { file: file.to_owned(), topic, lines, shown, proofs, text }, problems)
    }

    /// The line, from 1, of a place in the page.
    pub fn line(&self, range: &Range<usize>) -> usize {
        self.lines.of(range.start)
    }
}

struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    lines: Lines,
    shown: Vec<Shown>,
    proofs: Vec<ProofTable>,
    problems: Vec<Problem>,
    /// The last excuse that no fence has used yet.
    excuse: Option<Range<usize>>,
    open_tags: Vec<(String, usize)>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_GFM
            | Options::ENABLE_DEFINITION_LIST;
        let events: Vec<_> =
            Parser::new_ext(self.text, options).into_offset_iter().collect();
        let mut fences = Vec::new();
        let mut at = 0;
        while let Some((event, range)) = events.get(at) {
            at += 1;
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    fences.push(range.clone());
                    self.code(kind, range.clone());
                }
                Event::Start(Tag::Table(_)) => {
                    let end = events[at..]
                        .iter()
                        .position(|(event, _)| *event == Event::End(TagEnd::Table))
                        .map_or(events.len(), |length| at + length);
                    self.table(&events[at..end], range.end);
                }
                Event::Start(Tag::Paragraph) => self.paragraph(range.clone()),
                Event::Html(html) | Event::InlineHtml(html) => {
                    self.html(html, range.clone());
                }
                _ => {}
            }
        }
        self.forgotten_excuse();
        self.directives_elsewhere(&fences);
        if let Some((tag, at)) = self.open_tags.pop() {
            self.problem(
                at,
                format!("<{tag}> is never closed"),
                format!("add </{tag}>"),
            );
        }
        self.problems.sort_by_key(|problem| problem.line);
    }

    fn problem(&mut self, at: usize, what: impl Into<String>, mend: impl Into<String>) {
        self.problems.push(Problem::new(self.file, self.lines.of(at), what, mend));
    }

    fn code(&mut self, kind: &CodeBlockKind<'_>, range: Range<usize>) {
        let source = &self.text[range.clone()];
        let excused = self.excuse.take();
        let info = match kind {
            CodeBlockKind::Fenced(info) => info.split([',', ' ']).next().unwrap_or(""),
            CodeBlockKind::Indented => "",
        };
        let code: Vec<_> = match kind {
            CodeBlockKind::Fenced(_) => {
                let lines = source.lines().count();
                source.lines().skip(1).take(lines.saturating_sub(2)).collect()
            }
            CodeBlockKind::Indented => source.lines().collect(),
        };
        let include = match code[..] {
            [line] => line
                .trim()
                .strip_prefix("{{#include")
                .and_then(|it| it.strip_suffix("}}")),
            _ => None,
        };
        match include {
            Some(target) => {
                if let Some(excuse) = excused {
                    let what = "this excuse is not needed: the block is included";
                    self.problem(excuse.start, what, "remove the comment");
                }
                let at_margin =
                    self.lines.column(range.start) == 0 && code[0].starts_with("{{");
                if at_margin {
                    self.include(info, target.trim(), range);
                } else {
                    let what = "an include that is not at column 0";
                    let mend =
                        "move the fence and the include to the start of their lines";
                    self.problem(range.start, what, mend);
                }
            }
            None if excused.is_some() => {}
            None => {
                let what = "a block with code of its own, which nothing proves";
                let mend = format!(
                    "include it from listings/, or say why before it: <!-- {EXCUSE} the reason -->"
                );
                self.problem(range.start, what, mend);
            }
        }
    }

    fn include(&mut self, info: &str, target: &str, range: Range<usize>) {
        let (path, anchor) = match target.split_once(':') {
            Some((path, anchor)) => (path, Some(anchor)),
            None => (target, None),
        };
        let Some(path) = self.path_from_root(path) else {
            let what = format!("the include leads out of the book: {path}");
            self.problem(range.start, what, "include a file below listings/");
            return;
        };
        let line_range =
            |anchor: &str| anchor.chars().all(|c| c.is_ascii_digit() || c == ':');
        let what = match (info, anchor) {
            ("rust", Some(anchor)) if !line_range(anchor) => {
                Show::Listing { path, anchor: anchor.to_owned() }
            }
            ("rust", _) => {
                let what = "an include without an anchor";
                let mend = "name the part by its anchor: {{#include path:anchor}}";
                return self.problem(range.start, what, mend);
            }
            ("text" | "console", None) => Show::Output { path },
            _ => {
                let what = "an include in a fence that is neither `rust` nor `text`";
                let mend = "`rust` with an anchor for a listing, `text` without one for a recording";
                return self.problem(range.start, what, mend);
            }
        };
        self.shown.push(Shown { range, what });
    }

    /// A path that is relative to the page, made relative to the root of the book.
    fn path_from_root(&self, path: &str) -> Option<String> {
        let mut parts: Vec<_> =
            self.file.parent()?.iter().map(|part| part.to_str()).collect();
        for part in path.split('/') {
            match part {
                "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(Some(part)),
            }
        }
        let parts: Option<Vec<_>> = parts.into_iter().collect();
        Some(parts?.join("/"))
    }

    fn paragraph(&mut self, range: Range<usize>) {
        let text = self.text[range.clone()].trim();
        let Some(inside) =
            text.strip_prefix("{{#").and_then(|text| text.strip_suffix("}}"))
        else {
            return;
        };
        let what = match inside.split_once(' ') {
            Some(("figure", name)) => Show::Figure(name.trim().to_owned()),
            None if inside == "versions" => Show::Versions,
            _ => return,
        };
        self.shown.push(Shown { range, what });
    }

    /// A directive that is not one of those found is a mistake that mdBook would leave in the page.
    fn directives_elsewhere(&mut self, fences: &[Range<usize>]) {
        let at: Vec<_> = self.text.match_indices("{{#").map(|(at, _)| at).collect();
        for at in at {
            let known = self.shown.iter().any(|shown| shown.range.contains(&at));
            let reported = fences.iter().any(|fence| fence.contains(&at));
            if !known && !reported {
                let what = "a directive that stands where none can";
                let mend = "an include stands alone in a fence, {{#figure …}} alone in a paragraph";
                self.problem(at, what, mend);
            }
        }
    }

    fn table(&mut self, events: &[(Event<'_>, Range<usize>)], end: usize) {
        let (mut column, mut proof_column) = (0, None);
        let mut cell: Option<Range<usize>> = None;
        let mut names = Vec::new();
        for (event, range) in events {
            match event {
                Event::Start(Tag::TableHead | Tag::TableRow) => column = 0,
                Event::Start(Tag::TableCell) => cell = Some(range.clone()),
                Event::Text(text) if proof_column.is_none() && &**text == "Proof" => {
                    proof_column = Some(column);
                }
                Event::Code(name) if proof_column == Some(column) => {
                    names.push(ProofName {
                        range: range.clone(),
                        name: name.to_string(),
                    });
                }
                Event::Text(text)
                    if proof_column == Some(column)
                        && &**text != "Proof"
                        && text.chars().any(|c| !c.is_whitespace() && c != ',') =>
                {
                    let what = "words in a column of proofs";
                    self.problem(
                        range.start,
                        what,
                        "name tests only, `each in backticks`",
                    );
                }
                Event::End(TagEnd::TableCell) => {
                    let cell = cell.take().unwrap_or(range.clone());
                    let empty =
                        !names.iter().any(|name| cell.contains(&name.range.start));
                    let header = self.text[cell.clone()].contains("Proof");
                    if proof_column == Some(column) && empty && !header {
                        let what = "a promise without a proof";
                        self.problem(
                            cell.start,
                            what,
                            "name the test that proves it, or strike it",
                        );
                    }
                    column += 1;
                }
                _ => {}
            }
        }
        if proof_column.is_some() {
            self.proofs.push(ProofTable { end, names });
        }
    }

    fn html(&mut self, html: &str, range: Range<usize>) {
        if let Some(comment) = html.trim().strip_prefix("<!--") {
            let comment = comment.trim_start();
            if let Some(reason) = comment.strip_prefix(EXCUSE) {
                self.forgotten_excuse();
                let reason = reason.trim_end().strip_suffix("-->").unwrap_or(reason);
                if reason.trim().is_empty() {
                    self.problem(
                        range.start,
                        "an excuse without a reason",
                        "write the reason",
                    );
                }
                self.excuse = Some(range);
            }
            return;
        }
        self.balance(html, range.start);
    }

    fn forgotten_excuse(&mut self) {
        if let Some(excuse) = self.excuse.take() {
            let what =
                "this excuse is not needed: no block with code of its own follows";
            self.problem(excuse.start, what, "remove the comment");
        }
    }

    /// Follows the tags of a piece of HTML; quotes around `<` or `>` inside attributes are not known.
    fn balance(&mut self, html: &str, start: usize) {
        const VOID: [&str; 7] = ["br", "hr", "img", "input", "link", "meta", "wbr"];
        for (at, _) in html.match_indices('<') {
            let inside = &html[at + 1..];
            let Some(inside) = inside.split('>').next() else { continue };
            let (closing, inside) = match inside.strip_prefix('/') {
                Some(inside) => (true, inside),
                None => (false, inside),
            };
            let name: String =
                inside.chars().take_while(char::is_ascii_alphanumeric).collect();
            if name.is_empty() || VOID.contains(&&*name) || inside.ends_with('/') {
                continue;
            }
            let at = start + at;
            if !closing {
                self.open_tags.push((name, at));
            } else if self.open_tags.last().is_some_and(|(open, _)| *open == name) {
                self.open_tags.pop();
            } else {
                let what = format!("</{name}> closes nothing that is open here");
                self.problem(at, what, "open and close HTML elements in pairs");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Page, Vec<Problem>) {
        Page::read(Path::new("src/some-pattern/a-topic.md"), text)
    }

    /// The one problem of a page, as `line: what`.
    fn refused(text: &str) -> String {
        let (_, problems) = read(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        format!("{}: {}", problems[0].line, problems[0].what)
    }

    #[test]
    fn a_fence_that_includes_an_anchor_is_a_listing() {
        let (page, problems) = read(
            "# T\n\n```rust\n{{#include ../../listings/p/src/t.rs:some_idea}}\n```\n",
        );
        assert_eq!(problems, []);
        let path = "listings/p/src/t.rs".to_owned();
        let what = Show::Listing { path, anchor: "some_idea".into() };
        assert_eq!(page.shown[0].what, what);
        assert_eq!((&*page.topic, page.line(&page.shown[0].range)), ("a-topic", 3));
    }

    #[test]
    fn windows_line_ends_change_nothing() {
        let (page, problems) =
            read("```text\r\n{{#include ../../listings/p/a.out}}\r\n```\r\n");
        assert_eq!(problems, []);
        assert_eq!(
            page.shown[0].what,
            Show::Output { path: "listings/p/a.out".into() }
        );
    }

    #[test]
    fn figures_and_versions_stand_alone() {
        let (page, problems) = read("{{#figure a-topic}}\n\n{{#versions}}\n");
        assert_eq!(problems, []);
        let what: Vec<_> = page.shown.into_iter().map(|shown| shown.what).collect();
        assert_eq!(what, [Show::Figure("a-topic".into()), Show::Versions]);
        assert!(
            refused("See {{#figure a-topic}} here.\n")
                .contains("stands where none can")
        );
    }

    #[test]
    fn code_typed_into_a_page_needs_an_excuse() {
        assert!(
            refused("x\n\n```rust\nfn f() {}\n```\n")
                .starts_with("3: a block with code")
        );
        assert!(refused("```text\nhello\n```\n").contains("a block with code"));
        assert!(refused("x\n\n    indented\n").contains("a block with code"));
        assert_eq!(
            read("<!-- unproved: it is another language -->\n\n```c\nx\n```\n").1,
            []
        );
    }

    #[test]
    fn an_excuse_that_nothing_needs_is_refused() {
        assert!(refused("<!-- unproved: x -->\n\nwords\n").contains("not needed"));
        let included = "```text\n{{#include ../../listings/a.out}}\n```\n";
        assert!(
            refused(&format!("<!-- unproved: x -->\n\n{included}"))
                .contains("not needed")
        );
        assert!(
            refused("<!-- unproved: -->\n\n```c\nx\n```\n")
                .contains("without a reason")
        );
    }

    #[test]
    fn an_include_must_stand_at_column_0_with_an_anchor() {
        let include = "{{#include ../../listings/p/src/t.rs:a}}";
        let indented = format!("- x\n\n  ```rust\n  {include}\n  ```\n");
        assert!(refused(&indented).contains("not at column 0"));
        assert!(
            refused(&format!("words {include}\n")).contains("stands where none can")
        );
        let whole = "```rust\n{{#include ../../listings/p/src/t.rs}}\n```\n";
        assert!(refused(whole).contains("without an anchor"));
        let lines = "```rust\n{{#include ../../listings/p/src/t.rs:3:9}}\n```\n";
        assert!(refused(lines).contains("without an anchor"));
        let outside = "```text\n{{#include ../../../etc/passwd}}\n```\n";
        assert!(refused(outside).contains("out of the book"));
    }

    #[test]
    fn the_names_in_a_proof_column_are_proofs() {
        let (page, problems) = read(
            "| Claim | Proof |\n|---|---|\n| `x` | `a`, `t::b` |\n| y | `c` |\n\nend\n",
        );
        assert_eq!(problems, []);
        let names: Vec<_> =
            page.proofs[0].names.iter().map(|name| name.name.as_str()).collect();
        assert_eq!(names, ["a", "t::b", "c"]);
        assert_eq!(&page.text[page.proofs[0].names[1].range.clone()], "`t::b`");
        assert!(page.text[page.proofs[0].end..].trim_start().starts_with("end"));
    }

    #[test]
    fn a_promise_without_a_proof_is_refused() {
        let table =
            |cell: &str| format!("| Claim | Proof |\n|---|---|\n| x | {cell} |\n");
        assert!(refused(&table("")).starts_with("3: a promise without"));
        let (_, problems) = read(&table("trust me"));
        assert!(
            problems.iter().any(|problem| problem.what.contains("words")),
            "{problems:?}"
        );
        assert_eq!(read("| A | B |\n|---|---|\n| x | y |\n").1, []);
    }

    #[test]
    fn html_that_does_not_balance_is_refused() {
        assert!(refused("<div>\n\nwords\n").contains("<div> is never closed"));
        assert!(refused("words</b>\n").contains("</b> closes nothing"));
        assert_eq!(read("<div>\n\nwords <br> <img src=\"a\">\n\n</div>\n").1, []);
    }
}
