//! Streams, futures, and what is neither: as far as the tokens tell what a value is.

use std::ops::Range;

use super::{Reader, is_small};
use crate::source::traits::{self, Around, Kind};

/// Types with methods of the names that streams and futures have.
const PLAIN: [&str; 6] = ["HashMap", "Option", "Result", "String", "Vec", "VecDeque"];

/// What a type or trait of this name is.
pub fn kind_of(name: &str) -> Kind {
    if name.ends_with("Stream")
        || ["FuturesUnordered", "FuturesOrdered", "StreamMap"].contains(&name)
    {
        Kind::Stream
    } else if name.ends_with("Future") {
        Kind::Future
    } else {
        Kind::Unknown
    }
}

impl Reader<'_, '_> {
    /// What stands around the call of the method at `at`.
    pub(super) fn around(&self, at: usize) -> Around {
        let awaited = |at: usize| self.is(at, ".") && self.is(at + 1, "await");
        let mut around = Around { receiver: self.kind(at - 1), ..Around::default() };
        let Some(end) = self.call_end(at + 1) else { return around };
        around.awaited = awaited(end);
        // The rest of the chain.
        let (mut next, mut method) = (end, self.text(at));
        while self.is(next, ".") {
            if awaited(next) {
                around.chain = traits::awaited(method);
                break;
            }
            method = self.text(next + 1);
            let Some(end) = self.call_end(next + 2) else { break };
            next = end;
        }
        // What it is an argument of.
        let mut next = end;
        while self.is(next, ")") || self.is(next, ",") && self.is(next + 1, ")") {
            next += 1 + usize::from(self.is(next, ","));
            around.awaited |= awaited(next);
        }
        around.awaited |= self.arrow(next);
        around
    }

    /// What the expression is that ends before `end`.
    pub(super) fn kind(&self, end: usize) -> Kind {
        let Some(last) = end.checked_sub(1) else { return Kind::Unknown };
        match self.text(last) {
            ")" => self.kind_of_call(self.opens(last), last),
            "}" => {
                let open = self.opens(last);
                match (self.before(open), self.before(open.saturating_sub(1))) {
                    ("async", _) | ("move", "async") => Kind::Future,
                    ("!", "stream" | "try_stream") => Kind::Stream,
                    _ => Kind::Unknown,
                }
            }
            "self" => self.this,
            "]" => Kind::Other,
            name if self.tokens[last].is_name && self.before(last) != "." => {
                let known = self.kinds.get(name).into_iter().flatten();
                let mut known = known.filter(|(range, _)| range.contains(&end));
                known.next_back().map_or(Kind::Unknown, |(_, kind)| *kind)
            }
            _ => Kind::Unknown,
        }
    }

    /// What a call gives, with its arguments between `open` and `close`.
    fn kind_of_call(&self, open: usize, close: usize) -> Kind {
        let mut at = self.callee(open);
        let name = self.text(at);
        if name == "!" {
            let is_pin = self.before(at) == "pin";
            return if is_pin { self.kind(close) } else { Kind::Unknown };
        }
        if !self.tokens[at].is_name {
            return Kind::Other;
        }
        if self.before(at) == "." {
            return traits::given(name, self.kind(at - 1));
        }
        let mut kind = match self.before(at) {
            ":" => Kind::Unknown,
            _ => self.wanted.functions.get(name).copied().unwrap_or_default(),
        };
        // The rest of the path: `stream::iter`, `ReceiverStream::new`, `Box::pin`.
        while at > 2 && self.colons(at - 2) {
            at -= 3;
            match self.text(at) {
                "Box" | "Pin" if ["pin", "new"].contains(&name) => {
                    return self.kind(close);
                }
                "stream" => kind = Kind::Stream,
                part if kind_of(part) == Kind::Stream => kind = Kind::Stream,
                _ => {}
            }
        }
        kind
    }

    /// What is called by the bracket at `open`: before it, or before `::<…>`.
    fn callee(&self, open: usize) -> usize {
        let mut at = open.saturating_sub(1);
        let mut depth = 0;
        while at > 2 && (depth > 0 || self.is(at, ">")) {
            match self.text(at) {
                ">" if self.before(at) != "-" => depth += 1,
                "<" => depth -= 1,
                _ => {}
            }
            at -= if depth == 0 { 3 } else { 1 };
        }
        at
    }

    /// What `self` is in the item that begins with `word`.
    pub(super) fn this(&self, word: usize) -> Kind {
        let mut name = self.behind_angles(word + 1);
        let end = self.find(name, |at| self.is(at, "{"));
        let is_for = |at: &usize| self.is(*at, "for") && !self.is(at + 1, "<");
        name = (name..end).find(is_for).map_or(name, |at| at + 1);
        self.wanted.types.get(self.text(name)).copied().unwrap_or(Kind::Other)
    }

    /// Where the bracket opens that closes at `at`.
    fn opens(&self, at: usize) -> usize {
        (0..at).rev().find(|open| self.closes[*open] == at).unwrap_or_default()
    }

    /// What the type is that begins at `at`.
    pub(super) fn kind_of_type(&self, mut at: usize) -> Kind {
        loop {
            let text = self.text(at);
            match text {
                "&" | "mut" | "impl" | "dyn" | "Pin" | "Box" | "<" => at += 1,
                lifetime if lifetime.starts_with('\'') => at += 1,
                _ if self.colons(at + 1) && !self.is(at + 3, "<") => at += 3,
                _ => {
                    let own = self.wanted.types.get(text).copied();
                    return match self.generics.get(text).copied().or(own) {
                        Some(known) => known,
                        None if is_small(text) || PLAIN.contains(&text) => Kind::Other,
                        None => kind_of(text),
                    };
                }
            }
        }
    }

    /// Finds the type parameters that are streams or futures.
    pub(super) fn bounds(&mut self, range: Range<usize>) {
        for at in range {
            let name = self.tokens[at];
            let has_bound = self.is(at + 1, ":") && !self.colons(at + 1);
            if !name.is_name || is_small(name.text) || !has_bound {
                continue;
            }
            let (mut kind, mut depth, mut next) = (Kind::Unknown, 0, at + 2);
            while next < self.end {
                match self.text(next) {
                    "," | "{" | ";" | "=" | "where" if depth == 0 => break,
                    "<" => depth += 1,
                    ">" if self.before(next) != "-" => {
                        if depth == 0 {
                            break;
                        }
                        depth -= 1;
                    }
                    "(" => next = self.closes[next],
                    text if depth == 0 && kind == Kind::Unknown => kind = kind_of(text),
                    _ => {}
                }
                next += 1;
            }
            let known = self.generics.entry(name.text).or_default();
            if *known == Kind::Unknown {
                *known = kind;
            }
        }
    }

    /// Notes what a variable is: of one name, `mut` aside.
    pub(super) fn know(
        &mut self,
        pattern: Range<usize>,
        range: &Range<usize>,
        kind: Kind,
    ) {
        let name = match pattern.len() {
            1 => pattern.start,
            2 if self.is(pattern.start, "mut") => pattern.start + 1,
            _ => return,
        };
        if kind != Kind::Unknown {
            let kinds = self.kinds.entry(self.text(name)).or_default();
            kinds.push((range.clone(), kind));
        }
    }

    /// Behind `(…)` or `::<…>(…)`.
    pub(super) fn call_end(&self, mut at: usize) -> Option<usize> {
        if self.colons(at) {
            at = self.behind_angles(at + 2);
        }
        self.is(at, "(").then(|| self.closes[at] + 1)
    }
}
