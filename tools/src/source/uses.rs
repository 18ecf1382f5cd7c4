//! What a file imports, and which of its `use` lines a part of it needs.
//!
//! A page shows parts of a file, and a part without its imports leaves a reader to guess them. They are worked out
//! from the tokens: [`crate::source::names`] finds the names that a part takes from around it, and each that a `use`
//! of the file brings keeps that `use` in the head of the part, cut down to what is needed. A trait that is there
//! for its methods is known by [`crate::source::traits`], or by a hint at the fence.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use crate::source::names::{self, How, Seen, Wanted};
use crate::source::tokens::{self, Item, ItemKind, Token, is};
use crate::source::traits::{Kind, Trait};

/// A line of code is as wide as in `rustfmt.toml`.
const WIDTH: usize = 88;

/// What a file imports and defines.
#[derive(Debug, Default)]
pub struct Uses {
    /// The file itself, and the modules in it.
    modules: Vec<Module>,
    statements: Vec<Statement>,
    /// What the statements bring, in the order of the file.
    leaves: Vec<Import>,
    /// The types that the file defines outside of functions.
    pub types: Vec<Definition>,
}

/// A type that a file defines.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The line that names it.
    pub line: usize,
    module: usize,
}

#[derive(Debug, Default)]
struct Module {
    lines: Option<RangeInclusive<usize>>,
    parent: Option<usize>,
    /// It has `use super::*`.
    sees_parent: bool,
    /// The functions, constants and modules that it defines.
    values: BTreeSet<String>,
}

/// A `use` outside of functions.
#[derive(Debug)]
struct Statement {
    lines: RangeInclusive<usize>,
    /// Attributes and visibility.
    head: String,
    tree: Tree,
    /// What stands behind it in its line.
    comment: String,
}

/// A name that a `use` brings into a module.
#[derive(Debug)]
struct Import {
    statement: usize,
    module: usize,
    leaf: Leaf,
    /// The trait, if it can be one that code does not name.
    known: Option<&'static Trait>,
    /// How the file uses the name, as far as this import can be meant.
    how: Option<How>,
}

/// What a part of a file takes from the rest of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    module: usize,
    imports: BTreeSet<usize>,
    /// Imports of its own.
    has: BTreeSet<usize>,
    /// The types that it names and does not define: which of [`Uses::types`].
    pub types: BTreeSet<usize>,
}

/// A hint that says nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Mistaken {
    /// The file imports nothing of this name there.
    Unknown,
    /// It is found without the hint.
    Needless,
}

impl Uses {
    /// The `use` lines for a part, and for what `hints` name of the file's imports; without those that they name
    /// behind a `-`.
    ///
    /// # Errors
    /// The hint that is mistaken, and how.
    pub fn lines<'h>(
        &self,
        needs: &Needs,
        hints: &'h [String],
    ) -> Result<String, (&'h str, Mistaken)> {
        let mut imports = needs.imports.clone();
        for hint in hints {
            let (adds, name) = match hint.strip_prefix('-') {
                Some(name) => (false, name),
                None => (true, hint.as_str()),
            };
            let Some(found) = self.named(needs.module, name) else {
                return Err((hint, Mistaken::Unknown));
            };
            let says = if adds {
                !needs.has.contains(&found) && imports.insert(found)
            } else {
                imports.remove(&found)
            };
            if !says {
                return Err((hint, Mistaken::Needless));
            }
        }
        let mut lines = String::new();
        let mut first = 0;
        for (index, statement) in self.statements.iter().enumerate() {
            let leaves = self.leaves[first..].iter();
            let count = leaves.take_while(|it| it.statement == index).count();
            let wanted = |leaf: usize| imports.contains(&(first + leaf));
            if let Some(tree) = statement.tree.print(&mut 0, &wanted) {
                let line = wrapped(&statement.head, &tree);
                let _ = writeln!(lines, "{line}{}", statement.comment);
            }
            first += count;
        }
        Ok(lines)
    }

    /// The import of this name, or of a trait without one, that `module` sees.
    fn named(&self, module: usize, name: &str) -> Option<usize> {
        self.visible(module).into_iter().find(|index| {
            let leaf = &self.leaves[*index].leaf;
            leaf.bound == name || leaf.original() == name
        })
    }

    /// The imports that a module sees: its own, and those of the modules around that it asks for.
    fn visible(&self, module: usize) -> Vec<usize> {
        let mut visible = Vec::new();
        for (index, import) in self.leaves.iter().enumerate() {
            if import.module != module {
                continue;
            }
            match self.in_parent(import) {
                Some((parent, name)) => visible.extend(self.named(parent, name)),
                None if import.leaf.is_super() => {}
                None => visible.push(index),
            }
        }
        if let (true, Some(parent)) =
            (self.modules[module].sees_parent, self.modules[module].parent)
        {
            visible.extend(self.visible(parent));
        }
        visible
    }

    /// Where `use super::name` leads.
    fn in_parent<'a>(&self, import: &'a Import) -> Option<(usize, &'a str)> {
        let mut path = import.leaf.path.as_str();
        let mut module = import.module;
        while let Some(rest) = path.strip_prefix("super::") {
            (path, module) = (rest, self.modules[module].parent?);
        }
        (module != import.module && !path.contains("::") && path != "*")
            .then_some((module, path))
    }

    /// What `seen` means in `module`.
    fn resolve(&self, module: usize, seen: &Seen<'_>, needs: &mut Needs) {
        let before = (needs.imports.len(), needs.types.len());
        let here = &self.modules[module];
        let own =
            |it: &(usize, &Definition)| it.1.module == module && it.1.name == seen.name;
        if seen.how != How::Derive
            && let Some((index, _)) = self.types.iter().enumerate().find(own)
        {
            needs.types.insert(index);
            return;
        }
        if seen.how == How::Value && here.values.contains(seen.name) {
            return;
        }
        let mut found = false;
        for (index, import) in self.leaves.iter().enumerate() {
            if import.module != module || import.leaf.bound != seen.name {
                continue;
            }
            found = true;
            if let Some((parent, name)) = self.in_parent(import) {
                self.resolve(parent, &Seen { name, ..*seen }, needs);
            } else if !import.leaf.is_super() && import.fits(seen) {
                needs.imports.insert(index);
            }
        }
        let after = (needs.imports.len(), needs.types.len());
        if let (false, true, Some(parent)) =
            (found || before != after, here.sees_parent, here.parent)
        {
            self.resolve(parent, seen, needs);
        }
    }

    fn is_in(&self, module: usize, line: usize) -> bool {
        self.modules[module].lines.as_ref().is_none_or(|lines| lines.contains(&line))
    }

    /// The module that a line stands in. A module comes behind the one around it.
    fn module_of(&self, line: usize) -> usize {
        (0..self.modules.len()).rfind(|module| self.is_in(*module, line)).unwrap_or(0)
    }
}

impl Import {
    fn fits(&self, seen: &Seen<'_>) -> bool {
        match seen.how {
            // What `std` can derive needs no import.
            How::Derive => {
                !["std::", "core::"].iter().any(|it| self.leaf.path.starts_with(it))
            }
            how => self.how.is_none_or(|it| it == how),
        }
    }
}

/// A file's names while it is read.
#[derive(Debug)]
pub struct Names<'a> {
    /// What stays of them.
    pub uses: Uses,
    seen: Vec<Seen<'a>>,
    /// The traits that each module sees.
    traits: Vec<Vec<(usize, &'static Trait)>>,
}

impl<'a> Names<'a> {
    /// The names of the file `text`; those of tests are passed over.
    pub fn read(text: &str, tokens: &'a [Token<'a>], items: &[Item]) -> Self {
        let closes = tokens::closing(tokens);
        let mut uses = Uses::default();
        uses.modules.push(Module::default());
        let mut open = vec![(0, tokens.len())];
        let mut modules = Vec::new();
        for item in items {
            let start = item.tokens.start;
            while open.last().is_some_and(|(_, end)| *end <= start) {
                open.pop();
            }
            let module = open.last().map_or(0, |(module, _)| *module);
            modules.push(module);
            if item.in_tests {
                continue;
            }
            match &item.kind {
                ItemKind::Module { name, here } => {
                    uses.modules[module].values.insert(name.clone());
                    if *here {
                        let lines =
                            tokens[item.word].line..=tokens[item.tokens.end - 1].line;
                        open.push((uses.modules.len(), item.tokens.end));
                        uses.modules.push(Module {
                            lines: Some(lines),
                            parent: Some(module),
                            ..Module::default()
                        });
                    }
                }
                ItemKind::Use => uses.take(text, tokens, &closes, item, module),
                ItemKind::Type(name) => {
                    uses.define(name, tokens[item.word + 1].line, module);
                }
                ItemKind::Function(name) | ItemKind::Value(name) => {
                    uses.modules[module].values.insert(name.clone());
                }
                ItemKind::Other => uses.inside_macro(tokens, item, module),
            }
        }
        let seen = uses.names(tokens, &closes, items);
        uses.classify(&seen);
        let traits = (0..uses.modules.len()).map(|module| {
            let visible = uses.visible(module).into_iter();
            visible
                .filter_map(|index| Some((index, uses.leaves[index].known?)))
                .collect()
        });
        let traits = traits.collect();
        Self { uses, seen, traits }
    }

    /// What the part of the file in these lines needs.
    pub fn needs(&self, lines: &RangeInclusive<usize>) -> Needs {
        let uses = &self.uses;
        let mut needs =
            Needs { module: uses.module_of(*lines.start()), ..Needs::default() };
        for seen in self.seen.iter().filter(|seen| lines.contains(&seen.line)) {
            let module = uses.module_of(seen.line);
            match seen.how {
                How::Method(around) => {
                    for (index, known) in &self.traits[module] {
                        if known.has(seen.name, around) {
                            needs.imports.insert(*index);
                        }
                    }
                }
                How::Super => {
                    if let Some(parent) = uses.modules[module].parent {
                        let mut found = Needs::default();
                        uses.resolve(parent, seen, &mut found);
                        needs.types.extend(found.types);
                    }
                }
                _ => uses.resolve(module, seen, &mut needs),
            }
        }
        let has = |import: &Import| {
            lines.contains(uses.statements[import.statement].lines.start())
        };
        let own = uses.leaves.iter().enumerate().filter(|(_, import)| has(import));
        needs.has = own.map(|(index, _)| index).collect();
        needs.imports = &needs.imports - &needs.has;
        needs.types.retain(|index| !lines.contains(&uses.types[*index].line));
        needs
    }
}

impl Uses {
    fn define(&mut self, name: &str, line: usize, module: usize) {
        self.types.push(Definition { name: name.to_owned(), line, module });
    }

    /// The types that are defined in the braces of a macro, as in `pin_project! { … }`.
    fn inside_macro(&mut self, tokens: &[Token<'_>], item: &Item, module: usize) {
        if !is(tokens, item.word + 1, "!") {
            return;
        }
        let inside = &tokens[item.tokens.clone()];
        for pair in inside.windows(2) {
            if ["struct", "enum"].contains(&pair[0].text) && pair[1].is_name {
                self.define(pair[1].text, pair[1].line, module);
            }
        }
    }

    fn take(
        &mut self,
        text: &str,
        tokens: &[Token<'_>],
        closes: &[usize],
        item: &Item,
        module: usize,
    ) {
        let tree = Tree::parse(&tokens[item.word + 1..item.tokens.end]);
        let mut head = String::new();
        let mut at = item.tokens.start;
        while at < item.word {
            if is(tokens, at, "#") {
                let end = closes[at + 1];
                head.push_str(&text[tokens[at].at..=tokens[end].at]);
                head.push('\n');
                at = end + 1;
            } else {
                if !tokens[at].documents {
                    head.push_str(tokens[at].text);
                    if !is(tokens, at + 1, "(")
                        && tokens[at].text != "("
                        && !is(tokens, at + 1, ")")
                    {
                        head.push(' ');
                    }
                }
                at += 1;
            }
        }
        head.push_str("use ");
        let last = tokens[item.tokens.end - 1];
        let rest = text[last.at + last.text.len()..].lines().next().unwrap_or_default();
        let comment = match rest.trim() {
            comment if comment.starts_with("//") => format!(" {comment}"),
            _ => String::new(),
        };
        let statement = self.statements.len();
        for leaf in tree.leaves() {
            if leaf.path == "super::*" {
                self.modules[module].sees_parent = true;
            }
            let known = Trait::at(&leaf.path);
            self.leaves.push(Import { statement, module, leaf, known, how: None });
        }
        let lines = tokens[item.tokens.start].line..=last.last_line;
        self.statements.push(Statement { lines, head, tree, comment });
    }

    /// All names that the file's code uses.
    fn names<'a>(
        &self,
        tokens: &'a [Token<'a>],
        closes: &[usize],
        items: &[Item],
    ) -> Vec<Seen<'a>> {
        let bound = self.leaves.iter().map(|import| import.leaf.bound.as_str());
        let types = self.types.iter().map(|it| it.name.as_str());
        let names: HashSet<_> =
            bound.chain(types).filter(|name| *name != "_").collect();
        let traits = self.leaves.iter().filter_map(|it| it.known);
        let mut wanted = Wanted::default();
        wanted.methods.extend(traits.flat_map(Trait::methods));
        let texts = tokens.iter().filter(|it| it.is_name).map(|it| it.text);
        wanted.names.extend(texts.filter(|name| names.contains(name)));
        let types: HashSet<_> = self.types.iter().map(|it| it.name.as_str()).collect();
        let types = wanted.names.iter().filter(|name| types.contains(*name));
        wanted.types.extend(types.map(|name| (*name, Kind::Other)));
        for item in items.iter().filter(|item| is(tokens, item.word, "impl")) {
            let mut head =
                tokens[item.tokens.clone()].iter().take_while(|it| it.text != "{");
            let of = head.by_ref().take_while(|it| it.text != "for");
            let of = of.filter(|it| it.is_name).last();
            let kind =
                of.map(|it| names::kind_of(it.text)).filter(|it| *it != Kind::Unknown);
            if let (Some(kind), Some(name)) = (kind, head.find(|it| it.is_name))
                && let Some(own) = wanted.types.get_mut(name.text)
            {
                *own = kind;
            }
        }
        for item in items.iter().filter(|item| !item.in_tests) {
            if matches!(item.kind, ItemKind::Function(_)) && !wanted.methods.is_empty()
            {
                let kind = names::of_function(tokens, closes, item, &wanted);
                wanted.functions.insert(tokens[item.word + 1].text, kind);
            }
        }
        let mut seen = Vec::new();
        for item in items.iter().filter(|item| !item.in_tests) {
            if !matches!(item.kind, ItemKind::Module { .. } | ItemKind::Use) {
                seen.extend(names::of_item(tokens, closes, item, &wanted));
            }
        }
        seen
    }

    /// Tells modules, macros and functions of one name apart, by how the file uses the name.
    fn classify(&mut self, seen: &[Seen<'_>]) {
        let mut used: BTreeMap<&str, Vec<How>> = BTreeMap::new();
        for seen in seen {
            used.entry(seen.name).or_default().push(seen.how);
        }
        let modules: BTreeSet<_> = self
            .leaves
            .iter()
            .filter(|it| it.leaf.is_self)
            .map(|it| (it.module, it.leaf.bound.clone()))
            .collect();
        for import in &mut self.leaves {
            let name = import.leaf.bound.as_str();
            if !name.starts_with(char::is_lowercase) {
                continue;
            }
            let used = used.get(name).map_or(&[][..], Vec::as_slice);
            let is_other = modules.contains(&(import.module, name.to_owned()));
            let likely = [How::Macro, How::Path, How::Value].into_iter();
            import.how = if import.leaf.is_self {
                Some(How::Path)
            } else {
                let mut likely = likely.filter(|how| !(is_other && *how == How::Path));
                likely.find(|how| used.contains(how))
            };
        }
    }
}

/// What stands behind `use`.
#[derive(Debug)]
pub struct Tree {
    /// With `::` behind each name.
    prefix: String,
    end: End,
}

#[derive(Debug)]
enum End {
    /// A name, `self` or `*`; and what it is called here.
    Name(String, Option<String>),
    Group(Vec<Tree>),
}

/// A name that a `use` brings.
#[derive(Debug)]
pub struct Leaf {
    /// The whole path.
    pub path: String,
    /// What it is called here: `_` for a trait without a name, `*` for all there is.
    pub bound: String,
    /// It stands as `self`, so it is a module, or a type.
    pub is_self: bool,
}

impl Leaf {
    fn original(&self) -> &str {
        let path = self.path.strip_suffix("::*").unwrap_or(&self.path);
        path.rsplit("::").next().unwrap_or_default()
    }

    /// It leads into the same file.
    fn is_super(&self) -> bool {
        self.path.starts_with("super::")
    }
}

impl Tree {
    /// Reads what stands between `use` and `;`.
    pub fn parse(tokens: &[Token<'_>]) -> Self {
        Self::read(tokens, &mut 0)
    }

    fn read(tokens: &[Token<'_>], at: &mut usize) -> Self {
        let mut prefix = String::new();
        loop {
            let text = tokens.get(*at).map_or(";", |token| token.text);
            *at += 1;
            match text {
                ":" => {
                    *at += 1;
                    prefix.push_str("::");
                }
                "{" => {
                    let mut group = Vec::new();
                    while !is(tokens, *at, "}") && *at < tokens.len() {
                        group.push(Self::read(tokens, at));
                        *at += usize::from(is(tokens, *at, ","));
                    }
                    *at += 1;
                    return Self { prefix, end: End::Group(group) };
                }
                name if is(tokens, *at, ":") => prefix.push_str(name),
                name => {
                    let renamed = is(tokens, *at, "as").then(|| {
                        *at += 2;
                        tokens.get(*at - 1).map_or("", |token| token.text).to_owned()
                    });
                    return Self { prefix, end: End::Name(name.to_owned(), renamed) };
                }
            }
        }
    }

    /// What it brings, in order.
    pub fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        self.collect("", &mut leaves);
        leaves
    }

    fn collect(&self, before: &str, leaves: &mut Vec<Leaf>) {
        let prefix = format!("{before}{}", self.prefix);
        match &self.end {
            End::Group(group) => {
                for tree in group {
                    tree.collect(&prefix, leaves);
                }
            }
            End::Name(name, renamed) => {
                let is_self = name == "self";
                let path = if is_self {
                    prefix.trim_end_matches("::").to_owned()
                } else {
                    format!("{prefix}{name}")
                };
                let last = path.rsplit("::").next().unwrap_or_default().to_owned();
                let bound = renamed.clone().unwrap_or(last);
                leaves.push(Leaf { path, bound, is_self });
            }
        }
    }

    /// As rustfmt writes it, with those leaves only that are wanted; `None` without any.
    fn print(
        &self,
        leaf: &mut usize,
        wanted: &impl Fn(usize) -> bool,
    ) -> Option<String> {
        match &self.end {
            End::Name(name, renamed) => {
                let is_wanted = wanted(*leaf);
                *leaf += 1;
                let renamed = renamed.as_ref().map(|it| format!(" as {it}"));
                is_wanted.then(|| {
                    format!("{}{name}{}", self.prefix, renamed.unwrap_or_default())
                })
            }
            End::Group(group) => {
                let parts =
                    group.iter().filter_map(|tree| dyn_print(tree, leaf, wanted));
                let parts: Vec<_> = parts.collect();
                let prefix = &self.prefix;
                match &parts[..] {
                    [] => None,
                    [only] => Some(match only.strip_prefix("self") {
                        Some(rest) if rest.is_empty() || rest.starts_with(' ') => {
                            format!("{}{rest}", prefix.trim_end_matches("::"))
                        }
                        _ => format!("{prefix}{only}"),
                    }),
                    _ => Some(format!("{prefix}{{{}}}", parts.join(", "))),
                }
            }
        }
    }
}

fn dyn_print(
    tree: &Tree,
    leaf: &mut usize,
    wanted: &impl Fn(usize) -> bool,
) -> Option<String> {
    tree.print(leaf, wanted)
}

/// A `use`, in several lines if it is too wide for one.
fn wrapped(head: &str, tree: &str) -> String {
    let line = format!("{head}{tree};");
    let width = line.lines().last().unwrap_or_default().chars().count();
    let Some((before, group)) = tree.split_once('{').filter(|_| width > WIDTH) else {
        return line;
    };
    let Some(group) = group.strip_suffix('}') else { return line };
    let mut lines = format!("{head}{before}{{");
    let mut room = 0;
    for name in parts(group) {
        if name.chars().count() + 2 > room {
            lines.push_str("\n   ");
            room = WIDTH - 3;
        }
        let _ = write!(lines, " {name},");
        room = room.saturating_sub(name.chars().count() + 2);
    }
    lines.push_str("\n};");
    lines
}

/// What stands between the commas of a group.
fn parts(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(group[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(group[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of a file, with the lines between `// >` and `// <` as its part.
    fn with<T>(text: &str, read: impl FnOnce(&Names<'_>, &Needs) -> T) -> T {
        let line =
            |mark: &str| text.lines().position(|it| it.trim() == mark).unwrap() + 1;
        let tokens = tokens::tokens(text).unwrap();
        let names = Names::read(text, &tokens, &tokens::items(&tokens));
        let needs = names.needs(&(line("// >")..=line("// <")));
        read(&names, &needs)
    }

    fn hinted(text: &str, hints: &[&str]) -> Result<String, String> {
        let hints: Vec<_> = hints.iter().map(|&hint| hint.to_owned()).collect();
        with(text, |names, needs| {
            let lines = names.uses.lines(needs, &hints);
            lines.map_err(|(hint, mistaken)| format!("{hint}: {mistaken:?}"))
        })
    }

    fn lines(text: &str) -> String {
        hinted(text, &[]).unwrap()
    }

    /// The `use` lines of `uses` that are kept for a function with this body.
    fn kept(uses: &str, body: &str) -> String {
        lines(&format!("{uses}\n// >\nfn shown() {{\n{body}\n}}\n// <\n"))
    }

    fn types(text: &str) -> Vec<String> {
        with(text, |names, needs| {
            needs.types.iter().map(|at| names.uses.types[*at].name.clone()).collect()
        })
    }

    #[test]
    fn a_use_is_cut_down_to_what_is_needed() {
        let uses = "use std::io::{self, BufRead, Write};\nuse std::time::{Duration, Instant};\nuse a::B;";
        assert_eq!(
            kept(uses, "let x: io::Error = Duration::ZERO;"),
            "use std::io;\nuse std::time::Duration;\n"
        );
        assert_eq!(
            kept(uses, "f::<Duration>(io::stdin(), Instant::now(), x as B);"),
            "use std::io;\nuse std::time::{Duration, Instant};\nuse a::B;\n"
        );
        assert_eq!(
            kept(uses, "read(io::empty(), &dyn BufRead);"),
            "use std::io::{self, BufRead};\n"
        );
    }

    #[test]
    fn groups_in_groups_and_other_names_are_kept() {
        let uses = "use a::{b::{self as c, D}, e as f, G};\nuse h::{self as i, J};";
        assert_eq!(
            kept(uses, "c::x(); D; f(); G;"),
            "use a::{b::{self as c, D}, e as f, G};\n"
        );
        assert_eq!(kept(uses, "D;"), "use a::b::D;\n");
        assert_eq!(kept(uses, "c::x();"), "use a::b as c;\n");
        assert_eq!(kept(uses, "f();"), "use a::e as f;\n");
        assert_eq!(kept(uses, "i::x();"), "use h as i;\n");
        assert_eq!(kept(uses, "b::x(); e(); h::x();"), "");
    }

    #[test]
    fn only_a_poll_with_one_argument_is_one_of_a_future() {
        let uses = "use std::future::Future;";
        for poll in ["x.poll(&mut cx);", "T::poll(x.y(1, 2), cx);", "x.poll(cx,);"] {
            assert_eq!(kept(uses, poll), "use std::future::Future;\n", "{poll}");
        }
        for other in ["x.poll(a, b);", "x.poll();", "T::poll(x);", "T::poll(x, a, b);"]
        {
            assert_eq!(kept(uses, other), "", "{other}");
        }
    }

    #[test]
    fn what_belongs_to_a_use_is_kept() {
        let uses = "use std::future::Future; // only edition 2021 needs this line\n\
                    #[cfg(unix)]\nuse a::B;\n/// Doc.\npub(crate) use a::C;\npub use ::d::E;";
        assert_eq!(
            kept(uses, "let f: impl Future; B; C; E;"),
            "use std::future::Future; // only edition 2021 needs this line\n\
             #[cfg(unix)]\nuse a::B;\npub(crate) use a::C;\npub use ::d::E;\n"
        );
    }

    #[test]
    fn a_use_that_is_too_wide_is_broken_as_rustfmt_does() {
        let names: Vec<_> = (0..12).map(|n| format!("LongName{n:02}")).collect();
        let wide =
            kept(&format!("use a::{{{}}};", names.join(", ")), &names.join("; "));
        assert_eq!(
            wide,
            "use a::{\n    LongName00, LongName01, LongName02, LongName03, LongName04, LongName05, LongName06,\n    \
             LongName07, LongName08, LongName09, LongName10, LongName11,\n};\n"
        );
        assert!(wide.lines().all(|line| line.len() <= WIDTH), "{wide}");
    }

    #[test]
    fn fields_methods_and_ends_of_paths_are_no_names() {
        let uses = "use a::{select, timeout, Error, stream};";
        for body in [
            "x.select(1); x.timeout; y.stream.next();",
            "x::select(); Self::Error; a::b::stream();",
            "Limits { timeout: 3 }; f(|stream: u32| stream);",
            "let x: impl Stream<Error = u32, Item: Error2>;",
            "// timeout(1)\n\"stream::iter\"; r#\"Error\"#; 'a: loop {}",
            "#[error(\"x\")] #[from] struct S { select: u32 }",
        ] {
            assert_eq!(kept(uses, body), "", "{body}");
        }
        assert_eq!(kept(uses, "0..select(1);"), "use a::select;\n");
        assert_eq!(kept(uses, "select::<u32>(1);"), "use a::select;\n");
    }

    #[test]
    fn variables_are_no_imports() {
        let uses = "use a::{sleep, timeout};";
        for body in [
            "let timeout = 3; sleep2(timeout);",
            "let (a, Some(mut timeout)) = x; f(timeout);",
            "let S { a: timeout, .. } = x; f(timeout);",
            "if let Some(timeout) = x { f(timeout) }",
            "while let Some(timeout) = x.next() { f(timeout) }",
            "for (n, timeout) in x { f(timeout) }",
            "x.map(|timeout| timeout + 1);",
            "x.map(move |(n, timeout): (u32, u32)| async move { timeout });",
            "match x { Some(timeout) if timeout > 3 => timeout, None => 0 }",
            "match x { S { timeout, .. } => { f(timeout) } _ => 0 }",
            "tokio::select! { biased; timeout = x => f(timeout), else => {} }",
            "fn inner(timeout: u32) { f(timeout) }",
            "fn timeout() {} f(timeout);",
        ] {
            assert_eq!(kept(uses, body), "", "{body}");
        }
        for body in [
            "let timeout = timeout(3);",
            "if let Some(timeout) = x { } timeout(3);",
            "f(|timeout| 3, timeout(3));",
            "match x { Some(timeout) => 3, None => timeout(3) }",
            "{ let timeout = 3; } timeout(3);",
        ] {
            assert_eq!(kept(uses, body), "use a::timeout;\n", "{body}");
        }
    }

    #[test]
    fn a_parameter_that_stands_outside_of_the_part_is_a_variable() {
        let text =
            "use a::timeout;\nfn f(timeout: u32) {\n// >\ng(timeout);\n// <\n}\n";
        assert_eq!(lines(text), "");
    }

    #[test]
    fn modules_macros_and_functions_of_one_name_are_told_apart() {
        let uses =
            "use a::stream;\nuse b::stream::{self, Stream};\nfn other() { stream! {} }";
        assert_eq!(kept(uses, "stream::iter(x);"), "use b::stream;\n");
        assert_eq!(kept(uses, "stream! { yield 1; }"), "use a::stream;\n");
        assert_eq!(
            kept(uses, "let stream = x; f(stream); let y: Stream;"),
            "use b::stream::Stream;\n"
        );
        // What std brings is no import, and `!=` is no macro.
        assert_eq!(
            kept("use std::fs::{write, read};", "write!(f, 1); if read != x {}"),
            "use std::fs::read;\n"
        );
    }

    #[test]
    fn derives_of_other_crates_are_imports() {
        let uses = "use std::fmt::Debug;\nuse thiserror::Error;\nuse a::Own;";
        let text = format!(
            "{uses}\n// >\n#[derive(Debug, Error)]\n#[error(\"x\")]\nstruct S;\n// <\n"
        );
        assert_eq!(lines(&text), "use thiserror::Error;\n");
    }

    #[test]
    fn a_module_sees_what_it_asks_the_one_around_for() {
        let inside = "use a::sleep;\nuse a::Other;\nuse b::Mine as Other2;\nstruct Own;\nmod naive {\n    USES\n    use c::local;\n    \
                      // >\n    fn f(x: Own) { sleep(1); local(2); let y: Other2; }\n    // <\n}\n";
        assert_eq!(
            lines(&inside.replace("USES", "use super::*;")),
            "use a::sleep;\nuse b::Mine as Other2;\nuse c::local;\n"
        );
        assert_eq!(
            lines(&inside.replace("USES", "use super::{sleep, Own};")),
            "use a::sleep;\nuse c::local;\n"
        );
        assert_eq!(lines(&inside.replace("USES", "")), "use c::local;\n");
        assert_eq!(types(&inside.replace("USES", "use super::*;")), ["Own"]);
        assert_eq!(types(&inside.replace("USES", "use super::{sleep, Own};")), ["Own"]);
        assert_eq!(
            types(&inside.replace("USES", "use super::sleep;")),
            <[&str; 0]>::default()
        );
    }

    #[test]
    fn a_part_with_imports_of_its_own_has_them_once() {
        let text = "use a::{B, C};\n// >\nuse d::E;\nfn f(b: B, e: E) {}\n// <\n";
        assert_eq!(lines(text), "use a::B;\n");
        let inside = "use a::{sleep, Kind};\n// >\nfn f() { use Kind::{X, Y}; use b::sleep; sleep(X); }\n// <\n";
        assert_eq!(lines(inside), "use a::Kind;\n");
    }

    #[test]
    fn tests_are_passed_over() {
        let text = "// >\nfn f() { sleep(1); }\n// <\n#[cfg(test)]\nmod tests { use a::sleep; struct T; }\n";
        assert_eq!(lines(text), "");
        let types = with(text, |names, _| names.uses.types.len());
        assert_eq!(types, 0);
    }

    #[test]
    fn traits_are_known_by_their_methods() {
        let both = "use futures::{FutureExt, StreamExt as _};\nuse futures::stream::TryStreamExt;";
        assert_eq!(kept(both, "x.buffered(3);"), "use futures::StreamExt as _;\n");
        assert_eq!(
            kept(both, "x.try_next().await;"),
            "use futures::stream::TryStreamExt;\n"
        );
        assert_eq!(
            kept(both, "timeout(x.next()).await;"),
            "use futures::StreamExt as _;\n"
        );
        assert_eq!(
            kept(both, "x.map(f).collect::<Vec<_>>().await;"),
            "use futures::StreamExt as _;\n"
        );
        assert_eq!(kept(both, "x.map(f).await;"), "use futures::FutureExt;\n");
        assert_eq!(kept(both, "x.next(); x.map(f).collect::<Vec<_>>();"), "");
        let io = "use std::io::Read;\nuse tokio::io::AsyncReadExt;";
        assert_eq!(kept(io, "x.read(b)?;"), "use std::io::Read;\n");
        assert_eq!(kept(io, "x.read(b).await?;"), "use tokio::io::AsyncReadExt;\n");
        let rand = "use rand::{Rng, SeedableRng};";
        assert_eq!(kept(rand, "X::seed_from_u64(1);"), "use rand::SeedableRng;\n");
        let write = "use std::fmt::Write as _;";
        assert_eq!(
            kept(write, "writeln!(text, \"x\");"),
            "use std::fmt::Write as _;\n"
        );
        assert_eq!(kept(write, "write!(f, \"x\");"), "");
    }

    #[test]
    fn whose_method_it_is_is_told_by_what_has_it() {
        let uses =
            "use futures::{FutureExt, Stream, StreamExt, TryFutureExt, TryStreamExt};";
        let traits = |signature: &str, body: &str| {
            let rest = "struct Mine;\nimpl Stream for Mine {}\nstruct Other;\n\
                        fn made() -> impl Stream<Item = u32> {}\nasync fn asked() {}\nfn plain() -> u32 {}";
            let text = format!(
                "{uses}\n{rest}\n// >\nfn shown{signature} {{\n{body}\n}}\n// <\n"
            );
            let kept = lines(&text);
            let names = ["StreamExt", "FutureExt", "TryStreamExt", "TryFutureExt"];
            let names = names.into_iter().filter(|name| {
                kept.split([' ', '{', '}', ',', ';', ':', '\n']).any(|it| it == *name)
            });
            names.collect::<Vec<_>>().join(" ")
        };
        for (signature, body, wanted) in [
            ("(x: impl Stream<Item = u32>)", "x.map(f)", "StreamExt"),
            ("<S: Send + Stream>(mut x: Pin<&mut S>)", "x.take(3)", "StreamExt"),
            (
                "<S>(x: S) where S: Stream<Item: Clone>,",
                "let x = pin!(x); g(x.next());",
                "StreamExt",
            ),
            ("(x: BoxStream<'_, u32>)", "x.map_err(f)", "TryStreamExt"),
            ("(x: impl Future<Output = u32>)", "x.map(f)", "FutureExt"),
            (
                "<F: Fn() -> Fut, Fut: Future>(f: F, x: Fut)",
                "x.map_err(f)",
                "TryFutureExt",
            ),
            ("(x: Mine)", "x.filter(f)", "StreamExt"),
            ("(x: &mut Other)", "x.next().await; x.map(f).await;", ""),
            ("(x: Option<u32>, y: Vec<u32>)", "x.map(f); y.into_iter().map(f);", ""),
            ("()", "made().map(f)", "StreamExt"),
            ("()", "asked().map(f)", "FutureExt"),
            ("()", "plain().map(f)", ""),
            ("()", "stream::iter(x).map(f)", "StreamExt"),
            ("()", "let x = ReceiverStream::new(y); x.map(f)", "StreamExt"),
            ("()", "let x = stream! { yield 1; }; x.map(f)", "StreamExt"),
            ("()", "async move { 1 }.map(f)", "FutureExt"),
            ("()", "x.fetch().map_ok(f)", "TryFutureExt"),
            ("()", "x.fetch().map_ok(f).try_collect::<Vec<_>>().await", "TryStreamExt"),
            ("()", "select! { Some(y) = x.next() => y, }", "StreamExt"),
            ("(&mut self)", "self.next().await; self.x.take();", ""),
            ("(x: u32) -> impl Sized + use<>", "x.map(f); made().map(f)", "StreamExt"),
        ] {
            assert_eq!(traits(signature, body), wanted, "{signature} {body}");
        }
    }

    #[test]
    fn what_self_is_is_told_by_its_impl() {
        let text = "use futures::stream::{FusedStream, Stream, StreamExt};\nstruct Mine<T>(T);\nstruct Other;\n\
                    impl<T> Stream for Mine<T> {}\n// >\nIMPL { fn f(&self) { self.size_hint(); self.map(f); } }\n// <\n";
        let of = |head: &str| lines(&text.replace("IMPL", head));
        assert_eq!(
            of("impl<T: Copy> Mine<T>"),
            "use futures::stream::{Stream, StreamExt};\n"
        );
        assert_eq!(
            of("impl<T> Drop for Mine<T>"),
            "use futures::stream::{Stream, StreamExt};\n"
        );
        assert_eq!(of("impl Other"), "");
    }

    #[test]
    fn a_hint_adds_what_no_name_tells() {
        let text = "use futures::{FutureExt, StreamExt as _};\nuse a::prelude::*;\nuse a::B;\n\
                    // >\nuse c::D;\nfn f() { x.map(g); B; }\n// <\n";
        assert_eq!(
            hinted(text, &["StreamExt", "prelude"]).unwrap(),
            "use futures::StreamExt as _;\nuse a::prelude::*;\nuse a::B;\n"
        );
        assert_eq!(hinted(text, &["-B"]).unwrap(), "");
        assert_eq!(hinted(text, &["-StreamExt"]), Err("-StreamExt: Needless".into()));
        assert_eq!(hinted(text, &["SinkExt"]), Err("SinkExt: Unknown".into()));
        assert_eq!(hinted(text, &["B"]), Err("B: Needless".into()));
        assert_eq!(hinted(text, &["D"]), Err("D: Needless".into()));
        assert_eq!(
            hinted(text, &["StreamExt", "StreamExt"]),
            Err("StreamExt: Needless".into())
        );
    }

    #[test]
    fn the_types_of_a_file_are_known_where_they_are_used() {
        let text = "struct A;\nenum B { A2, F(C) }\ntrait C {}\ntype D = u32;\nunion E { x: u32 }\n\
                    pin_project! { pub struct F { x: u32 } }\nstruct G;\n\
                    // >\nimpl C for A { fn f(b: B) -> Self::G { x.E; D::max(); f::<F>() } }\nstruct H(G);\n// <\n";
        assert_eq!(types(text), ["A", "B", "C", "D", "F", "G"]);
        let inner = "struct A;\nmod naive {\n    struct B;\n    // >\n    fn f(a: super::A, b: B, c: super::B) {}\n    // <\n}\n";
        assert_eq!(types(inner), ["A", "B"]);
        let variant = "struct Refused;\nstruct Late;\n// >\nenum E { Refused(u32), #[from] Late { x: Late }, B }\n// <\n";
        assert_eq!(types(variant), ["Late"]);
    }
}
