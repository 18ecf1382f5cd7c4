//! HTML in a page, as html5ever reads it.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// Elements that have no content, so that nothing closes them.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta",
    "param", "source", "track", "wbr",
];

/// Something in a piece of HTML, and its line there, from 0.
#[derive(Debug, PartialEq, Eq)]
pub struct Markup {
    /// How many line ends stand before it.
    pub line: usize,
    /// What it is.
    pub what: What,
}

/// What stands in a piece of HTML.
#[derive(Debug, PartialEq, Eq)]
pub enum What {
    /// An element begins; `closed` when it has no content.
    Open {
        /// Its name, in small letters.
        name: String,
        /// Nothing has to close it.
        closed: bool,
        /// Its id.
        id: Option<String>,
        /// Its classes, as written.
        class: Option<String>,
        /// Where it leads, or what it shows.
        target: Option<String>,
    },
    /// An element ends.
    Close(String),
    /// A comment, without its marks.
    Comment(String),
}

/// Reads a piece of HTML, in its order.
pub fn read(html: &str) -> Vec<Markup> {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    // What a script is would be decided by a tree builder; pages have none.
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.found.into_inner()
}

#[derive(Default)]
struct Sink {
    found: RefCell<Vec<Markup>>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let what = match token {
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => {
                What::Close(tag.name.to_string())
            }
            Token::TagToken(tag) => {
                let attribute = |names: &[&str]| {
                    let mut all = tag.attrs.iter();
                    let found = all.find(|it| names.contains(&&*it.name.local))?;
                    Some(found.value.to_string())
                };
                What::Open {
                    closed: tag.self_closing || VOID.contains(&&*tag.name),
                    id: attribute(&["id"]),
                    class: attribute(&["class"]),
                    target: attribute(&["href", "src"]),
                    name: tag.name.to_string(),
                }
            }
            Token::CommentToken(text) => What::Comment(text.to_string()),
            _ => return TokenSinkResult::Continue,
        };
        let line = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        self.found.borrow_mut().push(Markup { line, what });
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(html: &str) -> Vec<String> {
        let found = read(html).into_iter();
        found
            .map(|it| match it.what {
                What::Open { name, closed: true, .. } => format!("{name}/"),
                What::Open { name, .. } => name,
                What::Close(name) => format!("/{name}"),
                What::Comment(text) => format!("!{text}"),
            })
            .collect()
    }

    #[test]
    fn elements_are_told_from_what_looks_like_one() {
        assert_eq!(
            names("<div title=\"a > <b>\">x <br> <img src='y'></div>\n<!-- <i> -->"),
            ["div", "br/", "img/", "/div", "! <i> "]
        );
        assert_eq!(
            names("<picture><source srcset=x><img></picture>"),
            ["picture", "source/", "img/", "/picture"]
        );
    }

    #[test]
    fn each_has_its_line_its_id_and_its_target() {
        let found = read("<p>\n<a id=\"x\"\nhref=\"y\">");
        let target = |it: &Markup| match &it.what {
            What::Open { id, target, .. } => (id.clone(), target.clone()),
            _ => (None, None),
        };
        assert_eq!(target(&found[1]), (Some("x".into()), Some("y".into())));
        assert_eq!((found[0].line, found[1].line), (0, 2));
    }
}
