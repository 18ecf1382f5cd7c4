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
use book::layout::{File, Place};
use book::source::listing::{Anchor, Listing};
use book::source::tokens::{self, Item, ItemKind, Token, is};
use book::source::uses::{Mistaken, Names, Tree};
use book_tests::{root, the_book};

use crate::reader::{Files, check};

#[test]
fn each_block_shows_the_imports_that_it_needs_and_no_others() {
    check_blocks(false);
}

#[test]
#[ignore = "compiles what a feature brings: CI asks for it"]
fn each_block_behind_a_feature_shows_the_imports_that_it_needs_and_no_others() {
    check_blocks(true);
}

/// Checks the files that are behind a feature, or all others.
fn check_blocks(behind: bool) {
    let mut packages: BTreeMap<&str, Vec<(&Listing, Vec<Part>)>> = BTreeMap::new();
    for (listing, parts) in shown() {
        let file = &listing.file;
        if file.place != Place::Refused && file.behind.is_some() == behind {
            packages
                .entry(&listing.file.topic.pattern)
                .or_default()
                .push((listing, parts));
        }
    }
    assert!(!packages.is_empty());
    let failed = packages.iter().filter_map(|(pattern, files)| {
        let of_feature = if behind { "+behind" } else { "" };
        let name = format!("imports-{pattern}{of_feature}");
        check(&name, &package(pattern, files, behind)).err()
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
fn package(pattern: &str, files: &[(&Listing, Vec<Part<'_>>)], behind: bool) -> Files {
    let manifest = &the_book().manifest;
    let is_use = |file: &File| {
        file.place == Place::Use
            && file.topic.pattern == pattern
            && file.behind.is_some() == behind
    };
    let uses = the_book().listings.values().filter(|it| is_use(&it.file));
    let shown = files.iter().map(|(file, _)| *file);
    let crates: BTreeSet<_> = shown
        .chain(uses.map(|it| &**it))
        .flat_map(|file| file.crates.iter().cloned())
        .collect();
    // The edition that asks for more.
    let mut toml = format!(
        "[package]\nname = \"imports-of-{pattern}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n{}\n",
        manifest.dependencies_of_program(
            &crates,
            &BTreeSet::from([pattern]),
            pattern,
            true
        )
    );
    // A step takes what the page shows from the crate itself.
    let all = crates.iter().cloned().chain([pattern.to_owned()]).collect();
    for own in manifest.own(&all) {
        let path = root().join("listings").join(own);
        let of_own = files.iter().filter(|it| own == it.0.file.topic.pattern);
        let features: BTreeSet<_> =
            of_own.filter_map(|it| it.0.file.behind.as_deref()).collect();
        let features = Vec::from_iter(features);
        let path = path.display();
        let _ =
            writeln!(toml, "{own} = {{ path = '{path}', features = {features:?} }}");
    }
    let (mut package, mut modules) =
        (Files::new(), String::from("#![allow(warnings)]\n"));
    let mut uses = String::new();
    for listing in the_book().listings.values() {
        let file = &listing.file;
        let is_use = is_use(file);
        let parts = files.iter().find(|(it, _)| it.file.path == file.path);
        let parts = match parts {
            Some((_, parts)) => &parts[..],
            // A later step may ask for what it has.
            None if is_use => &[],
            None => continue,
        };
        let text = fs::read_to_string(root().join(&file.path));
        let text = taken_apart(&text.expect("a file of the book"), parts);
        let kind = if file.place == Place::Program { "program_" } else { "" };
        let module = format!("{kind}{}", file.topic.module());
        if is_use {
            package.insert(format!("all/src/uses/{module}.rs"), text);
            let _ = writeln!(uses, "pub mod {module};");
        } else {
            package.insert(format!("all/src/{module}.rs"), text);
            let _ = writeln!(modules, "pub mod {module};");
        }
    }
    let _ = writeln!(uses, "pub use {} as shown;", pattern.replace('-', "_"));
    package.insert("all/src/uses.rs".into(), uses);
    modules.push_str("pub mod uses;\n");
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

/// The lines that an item takes, with its attributes.
fn span(tokens: &[Token<'_>], item: &Item) -> RangeInclusive<usize> {
    tokens[item.tokens.start].line..=tokens[item.tokens.end - 1].last_line
}

/// The file with each of its parts in a module of its own.
fn taken_apart(text: &str, parts: &[Part<'_>]) -> String {
    let tokens = tokens::tokens(text).expect("Rust");
    let items = tokens::items(&tokens);
    let regions = regions(text, &tokens, &items, parts);
    let mut edits = public(&tokens, &items);
    // A module deeper.
    for (at, token) in tokens.iter().enumerate() {
        let begins = at < 2 || !is(&tokens, at - 1, ":");
        let inside = regions.iter().any(|region| region.lines.contains(&token.line));
        if token.text == "super" && begins && inside && !is(&tokens, at + 1, ")") {
            edits.push((token.at, "super::"));
        }
    }
    edits.sort_unstable();
    let mut whole = String::new();
    let mut done = 0;
    for (at, insert) in edits {
        whole.push_str(&text[done..at]);
        whole.push_str(insert);
        done = at;
    }
    whole.push_str(&text[done..]);
    let tests = items.iter().filter(|item| item.in_tests);
    let tests: Vec<_> = tests.map(|item| span(&tokens, item)).collect();
    let mut result = String::new();
    for (line, number) in whole.lines().zip(1..) {
        if tests.iter().any(|lines| lines.contains(&number)) {
            continue;
        }
        let mut region = regions.iter().enumerate();
        let region = region.find(|(_, it)| it.lines.contains(&number));
        if let Some((at, region)) = region.filter(|it| it.1.lines.start() == &number) {
            result.push_str(&head(&tokens, &items, at, region));
        }
        let _ = writeln!(result, "{line}");
        if region.is_some_and(|it| it.1.lines.end() == &number) {
            result.push_str("}\n");
        }
    }
    result
}

/// What the module of a region begins with.
fn head(tokens: &[Token<'_>], items: &[Item], at: usize, region: &Region) -> String {
    let (own, given) = own(tokens, items, region);
    let (own, given) = (own.join(", "), given.join(", "));
    let imports = region.imports.replace("pub use", "use");
    let imports = imports.replace("super::", "super::super::");
    format!(
        "pub(crate) use shown_{at}::{{{given}}};\npub mod shown_{at} {{\n#![deny(unused_imports)]\n\
         #[allow(unused_imports)]\nuse super::{{{own}}};\n{imports}\n"
    )
}

/// The parts, each as long as the items that it is a part of.
fn regions(
    text: &str,
    tokens: &[Token<'_>],
    items: &[Item],
    parts: &[Part<'_>],
) -> Vec<Region> {
    let names = Names::read(text, tokens, items);
    let mut sorted: Vec<_> = parts.iter().collect();
    sorted.sort_by_key(|part| part.anchor.line);
    let mut merged: Vec<(RangeInclusive<usize>, Vec<&Part<'_>>)> = Vec::new();
    for part in sorted {
        let (mut first, mut last) = (part.anchor.line, part.anchor.last_line);
        let no_module = |it: &&Item| !matches!(it.kind, ItemKind::Module { .. });
        for item in items.iter().filter(no_module) {
            let item = span(tokens, item);
            if *item.start() <= last && first <= *item.end() {
                (first, last) = (first.min(*item.start()), last.max(*item.end()));
            }
        }
        match merged.last_mut() {
            Some((lines, parts)) if first <= *lines.end() => {
                *lines = *lines.start()..=last.max(*lines.end());
                parts.push(part);
            }
            _ => merged.push((first..=last, vec![part])),
        }
    }
    let regions = merged.into_iter().map(|(lines, parts)| {
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
        let module = (0..items.len()).rfind(|at| {
            matches!(items[*at].kind, ItemKind::Module { here: true, .. })
                && tokens[items[*at].word].line < *lines.start()
                && lines.end() < span(tokens, &items[*at]).end()
        });
        Region { lines, imports, module }
    });
    regions.collect()
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
            // What a later step takes from the program that it goes into.
            ItemKind::Use if region.module.is_none() => {
                let leaves =
                    Tree::parse(&tokens[item.word + 1..item.tokens.end]).leaves();
                let own =
                    leaves.into_iter().filter(|it| it.path.starts_with("super::"));
                own.map(|it| it.bound).collect()
            }
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
fn public(tokens: &[Token<'_>], items: &[Item]) -> Vec<(usize, &'static str)> {
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
    public.edits
}

struct Public<'a> {
    tokens: &'a [Token<'a>],
    closes: &'a [usize],
    edits: Vec<(usize, &'static str)>,
}

impl Public<'_> {
    fn edit(&mut self, at: usize) {
        self.edits.push((self.tokens[at].at, "pub "));
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
