//! Which names code uses from around it: not its fields and methods, and not its own variables.
//!
//! The lexer knows no scopes, so this looks for what binds a name (`let`, parameters, closures, arms of `match` and
//! `select!`, loops, `use` inside of a function) and how far that reaches.

mod kinds;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::source::tokens::{self, Item, ItemKind, Token, is};
use crate::source::traits::{Around, Kind, WRITE};
use crate::source::uses::Tree;
pub use kinds::kind_of;

/// What the standard library brings without an import.
const MACROS: [&str; 24] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "cfg",
    "column",
    "concat",
    "dbg",
    "debug_assert",
    "env",
    "eprintln",
    "file",
    "format",
    "include",
    "include_str",
    "line",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

/// A name that code takes from around it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The name.
    pub name: &'a str,
    /// The line that it stands in.
    pub line: usize,
    /// How.
    pub how: How,
}

/// How code uses a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A path begins with it.
    Path,
    /// A macro is called.
    Macro,
    /// A function is called, or something is named: a type, a trait, a value.
    Value,
    /// It is derived.
    Derive,
    /// A path into the module around: `super::name`.
    Super,
    /// A method, or a function of a trait: `.name(…)`, `X::name(…)`.
    Method(Around),
}

/// The names that are looked for.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// What is imported, or defined as a type.
    pub names: HashSet<&'a str>,
    /// What can be called without naming its trait.
    pub methods: HashSet<&'static str>,
    /// The types of the file: streams, futures, or neither.
    pub types: HashMap<&'a str, Kind>,
    /// What its functions give.
    pub functions: HashMap<&'a str, Kind>,
}

/// The names that an item uses.
pub fn of_item<'a>(
    tokens: &'a [Token<'a>],
    closes: &[usize],
    item: &Item,
    wanted: &Wanted<'a>,
) -> Vec<Seen<'a>> {
    let mut reader = reader(tokens, closes, item, wanted);
    if is(tokens, item.word, "enum") {
        reader.variants(item);
    }
    if is(tokens, item.word, "impl") {
        reader.this = reader.this(item.word);
    }
    if !is(tokens, item.word, "macro_rules") {
        if !wanted.methods.is_empty() {
            reader.bounds(item.tokens.clone());
        }
        reader.read(item.tokens.clone());
    }
    reader.seen
}

/// What a function gives: a stream, a future, or something else.
pub fn of_function<'a>(
    tokens: &'a [Token<'a>],
    closes: &[usize],
    item: &Item,
    wanted: &Wanted<'a>,
) -> Kind {
    if (item.tokens.start..item.word).any(|at| is(tokens, at, "async")) {
        return Kind::Future;
    }
    let mut reader = reader(tokens, closes, item, wanted);
    let open = reader.behind_angles(item.word + 2);
    let behind = closes.get(open).map_or(item.tokens.end, |close| close + 1);
    if !is(tokens, behind, "-") {
        return Kind::Other;
    }
    let body = reader.find(behind, |at| is(tokens, at, "{"));
    reader.bounds(item.word..body);
    reader.kind_of_type(behind + 2)
}

fn reader<'a, 'w>(
    tokens: &'a [Token<'a>],
    closes: &'w [usize],
    item: &Item,
    wanted: &'w Wanted<'a>,
) -> Reader<'a, 'w> {
    Reader {
        tokens,
        closes,
        wanted,
        end: item.tokens.end,
        in_function: matches!(item.kind, ItemKind::Function(_)),
        blocks: Vec::new(),
        bound: HashMap::new(),
        kinds: HashMap::new(),
        generics: HashMap::new(),
        this: Kind::Other,
        given: HashSet::new(),
        seen: Vec::new(),
    }
}

struct Reader<'a, 'w> {
    tokens: &'a [Token<'a>],
    closes: &'w [usize],
    wanted: &'w Wanted<'a>,
    /// Where the item ends.
    end: usize,
    in_function: bool,
    /// The blocks that are open.
    blocks: Vec<Range<usize>>,
    /// Where each name means something else, and whether that is more than a variable.
    bound: HashMap<&'a str, Vec<(Range<usize>, bool)>>,
    /// What each variable is, and where.
    kinds: HashMap<&'a str, Vec<(Range<usize>, Kind)>>,
    /// What `self` is.
    this: Kind,
    /// What each type parameter is.
    generics: HashMap<&'a str, Kind>,
    /// Names that something gets here: variables, variants of an enum.
    given: HashSet<usize>,
    seen: Vec<Seen<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn before(&self, at: usize) -> &'a str {
        at.checked_sub(1).map_or("", |at| self.text(at))
    }

    fn is(&self, at: usize, text: &str) -> bool {
        is(self.tokens, at, text)
    }

    /// `::`
    fn colons(&self, at: usize) -> bool {
        self.is(at, ":") && self.is(at + 1, ":")
    }

    /// `=>`
    fn arrow(&self, at: usize) -> bool {
        self.is(at, "=") && self.is(at + 1, ">")
    }

    /// `=`, and no part of another sign.
    fn equals(&self, at: usize) -> bool {
        let sign = ["=", "!", "<", ">", "+", "-", "*", "/", "|", "&", "^", "%"];
        let in_range = self.before(at) == "." && at > 1 && self.is(at - 2, ".");
        self.is(at, "=")
            && !self.is(at + 1, "=")
            && !self.is(at + 1, ">")
            && !sign.contains(&self.before(at))
            && !in_range
    }

    /// The first place from `at` for which `found` holds, outside of brackets; or where these brackets close.
    fn find(&self, mut at: usize, found: impl Fn(usize) -> bool) -> usize {
        while at < self.end && !found(at) {
            match self.text(at) {
                "(" | "[" | "{" => at = self.closes[at] + 1,
                ")" | "]" | "}" => break,
                _ => at += 1,
            }
        }
        at.min(self.end)
    }

    fn bind(&mut self, name: &'a str, range: Range<usize>, whole: bool) {
        if self.wanted.names.contains(name) {
            self.bound.entry(name).or_default().push((range, whole));
        }
    }

    /// The end of the innermost block.
    fn block_end(&self) -> usize {
        self.blocks.last().map_or(self.end, |block| block.end)
    }

    fn variants(&mut self, item: &Item) {
        let open = self.find(item.word, |at| self.is(at, "{"));
        if open >= self.end {
            return;
        }
        let close = self.closes[open];
        let mut at = open + 1;
        while at < close {
            if self.tokens[at].documents {
                at += 1;
            } else if self.is(at, "#") {
                at = self.closes[at + 1] + 1;
            } else {
                self.given.insert(at);
                at = self.find(at, |at| self.is(at, ",")) + 1;
            }
        }
    }

    fn read(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            if self.blocks.last().is_some_and(|block| block.end == at) {
                self.blocks.pop();
            }
            let token = self.tokens[at];
            match token.text {
                _ if token.documents => {}
                "#" => {
                    let open = at + 1 + usize::from(self.is(at + 1, "!"));
                    if self.is(open, "[") {
                        self.attribute(open);
                        at = self.closes[open] + 1;
                        continue;
                    }
                }
                "{" => self.blocks.push(at..self.closes[at]),
                "|" => at = self.closure(at),
                "use" if !self.is(at + 1, "<") => {
                    at = self.inner_use(at);
                    continue;
                }
                "let" => self.binding(at),
                "for" => self.for_loop(at),
                "fn" => self.parameters(at),
                "match" if self.before(at) != "." => {
                    let open = self.find(at, |at| self.is(at, "{"));
                    self.arms(open, false);
                }
                "select" if self.is(at + 1, "!") && self.is(at + 2, "{") => {
                    self.arms(at + 2, true);
                    self.name(at);
                }
                _ if token.is_name => self.name(at),
                _ => {}
            }
            at += 1;
        }
    }

    /// `#[derive(…)]` is all of an attribute that can need an import and cannot mean something else.
    fn attribute(&mut self, open: usize) {
        if !self.is(open + 1, "derive") {
            return;
        }
        for at in open + 2..self.closes[open] {
            if !(at > 1 && self.colons(at - 2)) {
                self.saw(at, How::Derive);
            }
        }
    }

    /// How many arguments the call has whose bracket is at `open`.
    fn arguments(&self, open: usize) -> usize {
        let (close, mut commas, mut at) = (self.closes[open], 0, open + 1);
        while at < close {
            commas += usize::from(self.is(at, ","));
            let inner = self.closes[at];
            at = if inner < close { inner } else { at } + 1;
        }
        let open_ended = close > open + 1 && !self.is(close - 1, ",");
        commas + usize::from(open_ended)
    }

    fn saw(&mut self, at: usize, how: How) {
        let token = self.tokens[at];
        if self.wanted.names.contains(token.text) {
            self.seen.push(Seen { name: token.text, line: token.line, how });
        }
    }

    fn name(&mut self, at: usize) {
        let token = self.tokens[at];
        let (name, before) = (token.text, self.before(at));
        let in_range = before == "." && at > 1 && self.is(at - 2, ".");
        let calls = self.is(at + 1, "(") || self.colons(at + 1) && self.is(at + 3, "<");
        let of_path = at > 1 && self.colons(at - 2);
        if before == "." && !in_range || of_path {
            if calls && self.wanted.methods.contains(name) {
                let mut around =
                    if of_path { Around::default() } else { self.around(at) };
                if self.is(at + 1, "(") {
                    // The first one of a path is what has the method.
                    let arguments = self.arguments(at + 1);
                    around.arguments = arguments.saturating_sub(usize::from(of_path));
                }
                self.seen.push(Seen {
                    name,
                    line: token.line,
                    how: How::Method(around),
                });
            }
            if of_path && at > 2 && self.is(at - 3, "super") {
                self.saw(at, How::Super);
            }
            return;
        }
        if ["write", "writeln"].contains(&name) && self.is(at + 1, "!") {
            let formatter = ["f", "fmt", "formatter"].contains(&self.text(at + 3));
            if !formatter && self.wanted.methods.contains(WRITE) {
                let how = How::Method(Around::default());
                self.seen.push(Seen { name: WRITE, line: token.line, how });
            }
        }
        let defines = match before {
            "const" => at < 2 || !self.is(at - 2, "*"),
            "fn" | "struct" | "enum" | "union" | "trait" | "type" | "mod"
            | "static" => true,
            _ => false,
        };
        if defines {
            // Of a method, this says nothing about the functions around.
            if self.in_function
                && let Some(block) = self.blocks.last().cloned()
            {
                self.bind(name, block, true);
            }
            return;
        }
        if !self.wanted.names.contains(name) || self.given.contains(&at) {
            return;
        }
        let single_colon = self.is(at + 1, ":") && !self.colons(at + 1);
        let small = is_small(name);
        // `<Item = T>` and `<Item: Bound>`
        let in_angles = ["<", ","].contains(&before);
        if single_colon && (small || in_angles)
            || !small && in_angles && self.equals(at + 1)
        {
            return;
        }
        let how = if self.is(at + 1, "!") && !self.is(at + 2, "=") {
            if MACROS.binary_search(&name).is_ok() {
                return;
            }
            How::Macro
        } else if self.colons(at + 1) && !calls {
            How::Path
        } else {
            How::Value
        };
        let hidden = self.bound.get(name).is_some_and(|bound| {
            bound.iter().any(|(range, whole)| {
                range.contains(&at) && (*whole || small && how == How::Value)
            })
        });
        if !hidden {
            self.saw(at, how);
        }
    }

    /// The names that a pattern binds, in `range`.
    fn pattern(&mut self, pattern: Range<usize>, range: &Range<usize>) {
        let mut braces = 0;
        for at in pattern {
            let name = self.tokens[at];
            match name.text {
                "{" => braces += 1,
                "}" => braces -= 1,
                _ => {}
            }
            let is_field = braces > 0 && self.is(at + 1, ":") && !self.colons(at + 1);
            let is_other =
                self.is(at + 1, "(") || self.is(at + 1, "!") || self.colons(at + 1);
            let is_end = at > 1 && self.colons(at - 2) || self.before(at) == ".";
            if name.is_name && is_small(name.text) && !is_field && !is_other && !is_end
            {
                self.given.insert(at);
                self.bind(name.text, range.clone(), false);
                if !self.wanted.methods.is_empty() {
                    let kinds = self.kinds.entry(name.text).or_default();
                    kinds.push((range.clone(), Kind::Unknown));
                }
            }
        }
    }

    /// `let pattern = value;`, `if let pattern = value { … }`
    fn binding(&mut self, at: usize) {
        let until = |at: usize| {
            self.equals(at)
                || self.is(at, ";")
                || self.is(at, ":") && !self.colons(at) && {
                    !(at > 0 && self.colons(at - 1))
                }
        };
        let end = self.find(at + 1, until);
        let range = if ["if", "while", "&"].contains(&self.before(at)) {
            let open = self.find(end, |at| self.is(at, "{"));
            open..self.closes.get(open).map_or(self.end, |close| *close)
        } else {
            let start = self.find(end, |at| self.is(at, ";"));
            start..self.block_end()
        };
        self.pattern(at + 1..end, &range);
        let kind = match self.text(end) {
            ":" => self.kind_of_type(end + 1),
            _ => self.kind(range.start),
        };
        self.know(at + 1..end, &range, kind);
    }

    /// `for pattern in values { … }`; not `impl A for B`.
    fn for_loop(&mut self, at: usize) {
        let end = self.find(at + 1, |at| self.is(at, "in") || self.is(at, ";"));
        if self.is(end, "in") {
            let open = self.find(end, |at| self.is(at, "{"));
            if open < self.end {
                self.pattern(at + 1..end, &(open..self.closes[open]));
            }
        }
    }

    /// Behind `<…>`, if that begins at `at`.
    fn behind_angles(&self, mut at: usize) -> usize {
        let mut depth = 0;
        while at < self.end {
            match self.text(at) {
                "<" => depth += 1,
                ">" if self.before(at) != "-" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return if self.is(at, ">") { at + 1 } else { at };
            }
            at += 1;
        }
        at
    }

    /// `fn name<…>(pattern: Type) … { … }`
    fn parameters(&mut self, at: usize) {
        if !self.tokens.get(at + 1).is_some_and(|token| token.is_name) {
            return;
        }
        let open = self.behind_angles(at + 2);
        if !self.is(open, "(") {
            return;
        }
        let close = self.closes[open];
        let body = self.find(close + 1, |at| self.is(at, "{") || self.is(at, ";"));
        if self.is(body, "{") {
            let range = body..self.closes[body];
            self.pattern(open + 1..close, &range);
            let mut start = open + 1;
            while start < close {
                let colon = self.find(start, |at| self.is(at, ":") || self.is(at, ","));
                if self.is(colon, ":") {
                    let kind = self.kind_of_type(colon + 1);
                    self.know(start..colon, &range, kind);
                }
                // A comma between angles begins no parameter: what follows has no `name:`.
                start = self.find(colon, |at| self.is(at, ",")) + 1;
            }
        }
    }

    /// `|pattern| value`, if the bar at `at` begins a closure; gives where its parameters end.
    fn closure(&mut self, at: usize) -> usize {
        let begins = [
            "(", ",", "=", "{", ";", ">", "[", ":", "&", "move", "async", "return",
            "else",
        ];
        if !begins.contains(&self.before(at)) {
            return at;
        }
        if self.is(at + 1, "|") {
            return at + 1;
        }
        let end = self.find(at + 1, |at| self.is(at, "|"));
        if !self.is(end, "|") {
            return at;
        }
        let stop = self.find(end + 1, |at| self.is(at, ",") || self.is(at, ";"));
        self.pattern(at + 1..end, &(end..stop));
        at
    }

    /// The arms of `match`, or those of `select!`: `pattern = future => …`.
    fn arms(&mut self, open: usize, select: bool) {
        let Some(&close) = self.closes.get(open).filter(|_| self.is(open, "{")) else {
            return;
        };
        let mut at = open + 1;
        while at < close {
            let ends = |at: usize| {
                self.arrow(at)
                    || if select {
                        self.equals(at) || self.is(at, ";")
                    } else {
                        self.is(at, "if")
                    }
            };
            let pattern = at..self.find(at, ends);
            if select && self.is(pattern.end, ";") {
                at = pattern.end + 1; // `biased;`
                continue;
            }
            let arrow = self.find(pattern.end, |at| self.arrow(at));
            let body = arrow + 2;
            let end = if self.is(body, "{") {
                self.closes[body] + 1
            } else {
                self.find(body, |at| self.is(at, ","))
            };
            let from = if select { arrow } else { pattern.end };
            if !select || self.is(pattern.end, "=") && pattern.end != arrow {
                self.pattern(pattern, &(from..end));
            }
            at = end.max(at) + usize::from(self.is(end, ","));
            if end <= open || arrow >= close {
                break;
            }
        }
    }

    /// `use …;` inside of a function: what it brings hides what is around; gives where it ends.
    fn inner_use(&mut self, at: usize) -> usize {
        let end = tokens::semicolon(self.tokens, self.closes, at);
        let block = self.blocks.last().cloned().unwrap_or(at..self.end);
        let mut first = at + 1;
        if self.colons(first) {
            first += 2;
        } else if self.tokens.get(first).is_some_and(|token| token.is_name) {
            self.name(first);
        }
        if first < end {
            let tree = Tree::parse(&self.tokens[at + 1..end]);
            for leaf in tree.leaves() {
                if let Some(name) = self.wanted.names.get(leaf.bound.as_str()).copied()
                {
                    self.bind(name, block.clone(), true);
                }
            }
        }
        end
    }
}

/// A variable, a function, a macro or a module.
fn is_small(name: &str) -> bool {
    name.starts_with(|first: char| first.is_lowercase() || first == '_')
}
