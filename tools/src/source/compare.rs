//! Wrong beside right: `<div class="compare">`, in a page.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{Event, Tag};

use super::page::{Block, Wanted};

/// What a pair begins with, alone in its line.
const OPEN: &str = "<div class=\"compare\">";

/// What it ends with.
const CLOSE: &str = "</div>";

/// How a pair is written.
const FORM: &str = "write <div class=\"compare\">, a paragraph **Wrong:** and why, a `rust` fence that includes an anchor, \
     a paragraph **Right:** and what changes, another such fence, </div>, with blank lines between";

/// Two listings, of which the second puts the first right.
#[derive(Debug, PartialEq, Eq)]
pub struct Pair {
    /// Where it opens.
    pub open: Range<usize>,
    /// Which of [`Page::blocks`](super::page::Page::blocks) is wrong.
    pub wrong: usize,
    /// Which of them is right.
    pub right: usize,
}

/// What is wrong with a pair: where, what, and how to mend it.
pub(super) type Mistake = (usize, String, String);

/// The pairs of a page, of which `blocks` are known.
pub(super) fn pairs(
    text: &str,
    events: &[(Event<'_>, Range<usize>)],
    blocks: &[Block],
) -> (Vec<Pair>, Vec<Mistake>) {
    let reader = Reader { text, events, blocks };
    let (mut pairs, mut mistakes) = (Vec::new(), Vec::new());
    for (at, (event, range)) in events.iter().enumerate() {
        let html = &text[range.clone()];
        match event {
            Event::Start(Tag::HtmlBlock) if html.trim() == OPEN => {
                match reader.pair(at) {
                    Ok(pair) => pairs.push(pair),
                    Err(mistake) => mistakes.push(mistake),
                }
            }
            Event::Start(Tag::HtmlBlock) | Event::InlineHtml(_)
                if is_like_one(html) =>
            {
                let what = format!("a pair that does not open with a line {OPEN}");
                mistakes.push((range.start, what, FORM.to_owned()));
            }
            _ => {}
        }
    }
    (pairs, mistakes)
}

/// An element of this class, however it is written.
fn is_like_one(html: &str) -> bool {
    let mut classes = html.split("class=").skip(1);
    classes.any(|rest| {
        let rest = rest.trim_start_matches(['"', '\'']);
        rest.split(['"', '\'', '>', ' ']).next() == Some("compare")
    })
}

struct Reader<'a> {
    text: &'a str,
    events: &'a [(Event<'a>, Range<usize>)],
    blocks: &'a [Block],
}

impl Reader<'_> {
    /// The pair that the event `open` begins.
    fn pair(&self, open: usize) -> Result<Pair, Mistake> {
        let mut at = self.after(open);
        let open = self.events[open].1.clone();
        let mut next = |wanted: &str| {
            let Some((_, range)) = self.events.get(at) else {
                let what = format!("a pair that ends without {wanted}");
                return Err((open.start, what, FORM.to_owned()));
            };
            let this = at;
            at = self.after(at);
            Ok((this, range.clone()))
        };
        let other = |at: usize, wanted: &str| {
            (at, format!("a pair needs {wanted} here"), FORM.to_owned())
        };
        let mut found = [0; 2];
        for (side, label) in ["**Wrong:**", "**Right:**"].into_iter().enumerate() {
            let wanted = format!("a paragraph that begins with {label}");
            let (event, range) = next(&wanted)?;
            let is_paragraph = self.events[event].0 == Event::Start(Tag::Paragraph);
            let words = self.text[range.clone()].strip_prefix(label);
            let Some(words) = words.filter(|_| is_paragraph) else {
                return Err(other(range.start, &wanted));
            };
            if words.trim().is_empty() {
                let mend = "say why it is wrong, or what the right code changes";
                return Err((
                    range.start,
                    format!("{label} without words"),
                    mend.to_owned(),
                ));
            }
            let wanted = "a `rust` fence that includes an anchor";
            let (_, range) = next(wanted)?;
            let block = self.blocks.iter().position(|block| {
                block.range == range && matches!(block.what, Wanted::Listing { .. })
            });
            found[side] = block.ok_or_else(|| other(range.start, wanted))?;
        }
        let (_, range) = next(CLOSE)?;
        if self.text[range.clone()].trim() != CLOSE {
            return Err(other(range.start, CLOSE));
        }
        Ok(Pair { open, wrong: found[0], right: found[1] })
    }

    /// The event after the block that begins with the event `at`.
    fn after(&self, at: usize) -> usize {
        let mut depth = 0;
        for (index, (event, _)) in self.events.iter().enumerate().skip(at) {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
            if depth <= 0 {
                return index + 1;
            }
        }
        self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::page::Page;

    const WRONG: &str = "**Wrong:** it waits.\n\n```rust\n{{#include ../../listings/p/src/t.rs:wrong}}\n```\n\n";
    const RIGHT: &str = "**Right:** it asks `select!`, and [does not](#t) wait.\n\n\
         ```rust\n{{#include ../../listings/p/src/t.rs:right}}\n```\n\n";

    fn read(inside: &str) -> Result<Page, String> {
        let text = format!("# T\n\n{inside}\n\nEnd.\n");
        Page::parse("src/some-pattern/a-topic.md", &text).map_err(|problems| {
            let problems = problems.iter();
            let lines = problems.map(|it| format!("{}: {}", it.line, it.what));
            lines.collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn a_pair_knows_its_listings() {
        let page = read(&format!("{OPEN}\n\n{WRONG}{RIGHT}{CLOSE}")).unwrap();
        let [pair] = &page.pairs[..] else { panic!("{:?}", page.pairs) };
        assert_eq!((pair.wrong, pair.right), (0, 1));
        assert_eq!(page.text[pair.open.clone()].trim(), OPEN);
        let folded = format!(
            "<details>\n<summary>Rare</summary>\n\n{OPEN}\n\n{WRONG}{RIGHT}{CLOSE}\n\n</details>"
        );
        assert_eq!(read(&folded).unwrap().pairs.len(), 1);
        assert!(read("<div>\n\nwords\n\n</div>").unwrap().pairs.is_empty());
    }

    #[test]
    fn whatever_else_stands_in_a_pair_is_refused() {
        for (inside, told) in [
            (
                format!("{OPEN}\n\n{RIGHT}{WRONG}{CLOSE}"),
                "5: a pair needs a paragraph that begins with **Wrong:** here",
            ),
            (
                format!("{OPEN}\n\n{WRONG}{CLOSE}"),
                "11: a pair needs a paragraph that begins with **Right:** here",
            ),
            (
                format!("{OPEN}\n\n{WRONG}{RIGHT}More.\n\n{CLOSE}"),
                "17: a pair needs </div> here",
            ),
            (
                format!("{OPEN}\n\n{WRONG}Words.\n\n{RIGHT}{CLOSE}"),
                "11: a pair needs a paragraph that begins with **Right:** here",
            ),
            (
                format!("{OPEN}\n\n**Wrong:** x\n\n{RIGHT}{CLOSE}"),
                "7: a pair needs a `rust` fence that includes an anchor here",
            ),
            (
                format!("{OPEN}\n\n{}{RIGHT}{CLOSE}", WRONG.replace(" it waits.", "")),
                "5: **Wrong:** without words",
            ),
            (
                format!("{OPEN}\n\n- {WRONG}{RIGHT}{CLOSE}"),
                "5: a pair needs a paragraph that begins with **Wrong:** here",
            ),
            (format!("{OPEN}\n{WRONG}{RIGHT}{CLOSE}"), "3: a pair that does not open"),
            (
                format!("<div class='compare'>\n\n{WRONG}{RIGHT}{CLOSE}"),
                "3: a pair that does not open",
            ),
            (
                format!(
                    "<div id=\"x\" class=\"compare wide\">\n\n{WRONG}{RIGHT}{CLOSE}"
                ),
                "3: a pair that does not open",
            ),
        ] {
            let error = read(&inside).unwrap_err();
            assert!(error.starts_with(told), "{error}\n{inside}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        let unclosed = read(&format!("{OPEN}\n\n{WRONG}{RIGHT}")).unwrap_err();
        assert!(unclosed.contains("<div> is never closed"), "{unclosed}");
    }

    #[test]
    fn a_bad_include_in_a_pair_is_told_once() {
        let wrong = WRONG.replace(":wrong", "");
        let error = read(&format!("{OPEN}\n\n{wrong}{RIGHT}{CLOSE}")).unwrap_err();
        assert!(error.starts_with("7: an include without an anchor"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
