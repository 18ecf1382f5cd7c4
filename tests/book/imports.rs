//! The imports that the pages show above their code are what the compiler asks for: none is missing, and none is
//! too many.
//!
//! Each file that a page shows is taken apart: the items of each block go into a module of their own, with the
//! imports of the block, and with what else the file defines, but not with what it imports. A `use` that the tool
//! missed is then an error, and one that nothing needs, too. A block that begins or ends inside an item stands for
//! the whole item. What must not compile is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;

use book::book::Shown;
use book::layout::Place;
use book::source::listing::{Anchor, Listing};
use book::source::tokens::{self, Item, ItemKind, Token, is};
use book::source::uses::{Mistaken, Names};
use book_tests::{root, the_book};

use crate::reader::{Files, check};

#[test]
fn each_block_shows_the_imports_that_it_needs_and_no_others() {
    let mut packages: BTreeMap<&str, Vec<(&Listing, Vec<Part>)>> = BTreeMap::new();
    for (listing, parts) in shown() {
        if listing.file.place != Place::Refused {
            packages
                .entry(&listing.file.topic.pattern)
                .or_default()
                .push((listing, parts));
        }
    }
    let failed = packages.iter().filter_map(|(pattern, files)| {
        check(&format!("imports-{pattern}"), &package(pattern, files)).err()
    });
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// A part of a file that some page shows.
struct Part<'a> {
    anchor: &'a Anchor,
    hints: &'a [String],
    imports: &'a str,
}

/// The files that pages show, with their parts.
fn shown() -> impl Iterator<Item = (&'static Listing, Vec<Part<'static>>)> {
    let mut files: BTreeMap<&str, (&Listing, Vec<Part<'_>>)> = BTreeMap::new();
    for page in &the_book().pages {
        for block in &page.blocks {
            let Shown::Listing { listing, anchor } = &block.what else { continue };
            let mut wanted = page.page.blocks.iter();
            let hints = wanted.find(|it| it.range == block.range).map(|it| &it.uses);
            let part = Part {
                anchor: &listing.anchors[anchor],
                hints: hints.map_or(&[], Vec::as_slice),
                imports: &block.imports,
            };
            let file = files.entry(&listing.file.path).or_insert((listing, Vec::new()));
            file.1.push(part);
        }
    }
    files.into_values()
}

/// The files of a pattern as a package.
fn package(pattern: &str, files: &[(&Listing, Vec<Part<'_>>)]) -> Files {
    let manifest = &the_book().manifest;
    let crates: BTreeSet<_> =
        files.iter().flat_map(|(file, _)| file.crates.iter().cloned()).collect();
    // The edition that asks for more.
    let mut toml = format!(
        "[package]\nname = \"imports-of-{pattern}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n{}\n",
        manifest.dependencies(&crates, &BTreeSet::from([pattern]))
    );
    for own in manifest.own(&crates) {
        let path = root().join("listings").join(own);
        let _ = writeln!(toml, "{own} = {{ path = '{}' }}", path.display());
    }
    let (mut package, mut modules) =
        (Files::new(), String::from("#![allow(warnings)]\n"));
    for (listing, parts) in files {
        let kind = if listing.file.place == Place::Program { "program_" } else { "" };
        let module = format!("{kind}{}", listing.file.topic.module());
        let text = fs::read_to_string(root().join(&listing.file.path));
        let text = taken_apart(&text.expect("a file of the book"), parts);
        package.insert(format!("all/src/{module}.rs"), text);
        let _ = writeln!(modules, "pub mod {module};");
    }
    package.insert("all/Cargo.toml".into(), toml);
    package.insert("all/src/lib.rs".into(), modules);
    package
}

/// The lines of whole items, their imports, and the module that they stand in.
struct Region {
    lines: RangeInclusive<usize>,
    imports: String,
    module: Option<usize>,
}

/// The file with each of its parts in a module of its own.
fn taken_apart(text: &str, parts: &[Part<'_>]) -> String {
    let tokens = tokens::tokens(text).expect("Rust");
    let items = tokens::items(&tokens);
    let names = Names::read(text, &tokens, &items);
    let span = |item: &Item| {
        tokens[item.tokens.start].line..=tokens[item.tokens.end - 1].last_line
    };
    let around = |line: usize| {
        (0..items.len()).rfind(|at| {
            matches!(items[*at].kind, ItemKind::Module { here: true, .. })
                && tokens[items[*at].word].line < line
                && line < *span(&items[*at]).end()
        })
    };
    let mut regions: Vec<(RangeInclusive<usize>, Vec<&Part<'_>>)> = Vec::new();
    let mut sorted: Vec<_> = parts.iter().collect();
    sorted.sort_by_key(|part| part.anchor.line);
    for part in sorted {
        let (mut first, mut last) = (part.anchor.line, part.anchor.last_line);
        for item in
            items.iter().filter(|item| !matches!(item.kind, ItemKind::Module { .. }))
        {
            let item = span(item);
            if *item.start() <= last && first <= *item.end() {
                (first, last) = (first.min(*item.start()), last.max(*item.end()));
            }
        }
        match regions.last_mut() {
            Some((lines, parts)) if first <= *lines.end() => {
                *lines = *lines.start()..=last.max(*lines.end());
                parts.push(part);
            }
            _ => regions.push((first..=last, vec![part])),
        }
    }
    let regions = regions.into_iter().map(|(lines, parts)| {
        let needs = names.needs(&lines);
        let mut hints = Vec::new();
        for hint in parts.iter().flat_map(|part| part.hints) {
            let all = [&hints[..], std::slice::from_ref(hint)].concat();
            match names.uses.lines(&needs, &all) {
                Err((_, Mistaken::Needless)) => {}
                _ => hints = all,
            }
        }
        let imports =
            names.uses.lines(&needs, &hints).expect("hints that the book has");
        if let [part] = parts[..]
            && lines == (part.anchor.line..=part.anchor.last_line)
        {
            assert_eq!(imports, part.imports, "what is checked is what is shown");
        }
        Region { module: around(*lines.start()), lines, imports }
    });
    let regions: Vec<_> = regions.collect();
    let mut edited = public(text, &tokens, &items);
    // A module deeper.
    for (at, token) in tokens.iter().enumerate() {
        let begins = at < 2 || !is(&tokens, at - 1, ":");
        if token.text == "super"
            && begins
            && !is(&tokens, at + 1, ")")
            && regions.iter().any(|region| region.lines.contains(&token.line))
        {
            edited.push((token.at, "super::".to_owned()));
        }
    }
    edited.sort();
    let mut whole = String::new();
    let mut done = 0;
    for (at, insert) in edited {
        whole.push_str(&text[done..at]);
        whole.push_str(&insert);
        done = at;
    }
    whole.push_str(&text[done..]);
    let tests: Vec<_> = items.iter().filter(|item| item.in_tests).map(span).collect();
    let mut result = String::new();
    for (index, line) in whole.lines().enumerate() {
        let number = index + 1;
        if tests.iter().any(|lines| lines.contains(&number)) {
            continue;
        }
        let mut region = regions.iter().enumerate();
        let region = region.rfind(|(_, it)| it.lines.contains(&number));
        if let Some((at, region)) = region {
            if number == *region.lines.start() {
                let (own, given) = own(&tokens, &items, region);
                let (own, given) = (own.join(", "), given.join(", "));
                let imports = region.imports.replace("pub use", "use");
                let _ = writeln!(
                    result,
                    "pub use shown_{at}::{{{given}}};\npub mod shown_{at} {{\n#![deny(unused_imports)]\n#[allow(unused_imports)]\nuse super::{{{own}}};\n{}",
                    imports.replace("super::", "super::super::")
                );
            }
            let _ = writeln!(result, "{line}");
            if number == *region.lines.end() {
                result.push_str("}\n");
            }
        } else {
            let _ = writeln!(result, "{line}");
        }
    }
    result
}

/// What the modules around a region define besides, and what it defines itself.
fn own(
    tokens: &[Token<'_>],
    items: &[Item],
    region: &Region,
) -> (Vec<String>, Vec<String>) {
    let (mut own, mut given) = (BTreeSet::new(), BTreeSet::new());
    for item in items.iter().filter(|item| !item.in_tests) {
        let elsewhere = items.iter().enumerate().any(|(at, it)| {
            matches!(it.kind, ItemKind::Module { here: true, .. })
                && Some(at) != region.module
                && it.tokens.contains(&item.tokens.start)
        });
        if elsewhere {
            continue;
        }
        let names = match &item.kind {
            ItemKind::Function(name) | ItemKind::Type(name) | ItemKind::Value(name) => {
                vec![name.clone()]
            }
            _ if is(tokens, item.word + 1, "!") => {
                let inside = tokens[item.tokens.clone()].windows(2);
                let types =
                    inside.filter(|pair| ["struct", "enum"].contains(&pair[0].text));
                types.map(|pair| pair[1].text.to_owned()).collect()
            }
            _ => Vec::new(),
        };
        if region.lines.contains(&tokens[item.word].line) {
            given.extend(names);
        } else {
            own.extend(names);
        }
    }
    own.retain(|name| !given.contains(name));
    (own.into_iter().collect(), given.into_iter().collect())
}

/// Inserts that make all of a file public, since its parts move into modules.
fn public(text: &str, tokens: &[Token<'_>], items: &[Item]) -> Vec<(usize, String)> {
    let closes = tokens::closing(tokens);
    let mut public = Public { tokens, closes: &closes, edits: Vec::new() };
    for item in items.iter().filter(|item| !item.in_tests) {
        match tokens[item.word].text {
            "impl" => public.members(item),
            "use" => {}
            _ if is(tokens, item.word + 1, "!") => {
                let inside = item.word + 3..item.tokens.end - 1;
                for at in inside.filter(|at| is(tokens, *at, "struct")) {
                    if !is(tokens, at - 1, "pub") {
                        public.edit(at);
                    }
                    public.fields(at);
                }
            }
            what => {
                public.start(item.tokens.start);
                if what == "struct" {
                    public.fields(item.word);
                }
            }
        }
    }
    debug_assert!(public.edits.iter().all(|(at, _)| text.is_char_boundary(*at)));
    public.edits
}

struct Public<'a> {
    tokens: &'a [Token<'a>],
    closes: &'a [usize],
    edits: Vec<(usize, String)>,
}

impl Public<'_> {
    fn edit(&mut self, at: usize) {
        self.edits.push((self.tokens[at].at, "pub ".to_owned()));
    }

    /// Makes public what begins at `at`, behind its attributes.
    fn start(&mut self, mut at: usize) -> usize {
        loop {
            if self.tokens[at].documents {
                at += 1;
            } else if is(self.tokens, at, "#") {
                at = self.closes[at + 1] + 1;
            } else {
                break;
            }
        }
        if !is(self.tokens, at, "pub")
            && !is(self.tokens, at, "}")
            && !is(self.tokens, at, ")")
        {
            self.edit(at);
        }
        at
    }

    /// The first `{`, `(` or `;` behind the generics of what is named at `at`.
    fn body(&self, mut at: usize) -> usize {
        let mut angles = 0;
        loop {
            match self.tokens[at].text {
                "<" => angles += 1,
                ">" if !is(self.tokens, at - 1, "-") => angles -= 1,
                "{" | "(" | ";" if angles == 0 => return at,
                "where" => {
                    while !is(self.tokens, at, "{") && !is(self.tokens, at, ";") {
                        at += 1;
                    }
                    return at;
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn fields(&mut self, word: usize) {
        let open = self.body(word);
        if is(self.tokens, open, ";") {
            return;
        }
        let (mut at, mut angles) = (open + 1, 0);
        while at < self.closes[open] {
            at = self.start(at);
            while at < self.closes[open] && (angles > 0 || !is(self.tokens, at, ",")) {
                match self.tokens[at].text {
                    "<" => angles += 1,
                    ">" if !is(self.tokens, at - 1, "-") => angles -= 1,
                    "(" | "[" | "{" => at = self.closes[at],
                    _ => {}
                }
                at += 1;
            }
            at += 1;
        }
    }

    /// The functions of an `impl`, but not of one of a trait.
    fn members(&mut self, item: &Item) {
        let mut open = item.word;
        while !is(self.tokens, open, "{") {
            if is(self.tokens, open, "for") && !is(self.tokens, open + 1, "<") {
                return;
            }
            open += 1;
        }
        let mut at = open + 1;
        while at < self.closes[open] {
            at = self.start(at);
            while !is(self.tokens, at, "{") && !is(self.tokens, at, ";") {
                at = if is(self.tokens, at, "(") || is(self.tokens, at, "[") {
                    self.closes[at] + 1
                } else {
                    at + 1
                };
            }
            at = if is(self.tokens, at, "{") { self.closes[at] } else { at } + 1;
        }
    }
}
