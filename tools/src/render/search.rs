//! The index that the book's search looks through.
//!
//! mdBook's own index holds every proof and every whole file: 4.5 MB for twenty pages. This one holds what
//! a reader looks for: headings, prose, the names in listings, and each symptom as an entry that leads to
//! its page.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::book::{Book, BookPage, Shown};
use crate::layout;
use crate::source::page::Section;

/// The file, beside the pages.
pub const FILE: &str = "search-index.js";

/// One result: a section of a page, or a symptom.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Where it leads, from the root of the book.
    #[serde(rename = "u")]
    pub url: String,
    /// The page; of a symptom, its group and the page that it leads to.
    #[serde(rename = "p")]
    pub page: String,
    /// The heading; of a symptom, what the reader sees.
    #[serde(rename = "t")]
    pub title: String,
    /// The prose.
    #[serde(rename = "x")]
    pub text: String,
    /// Names that stand in its listings and not in its prose.
    #[serde(rename = "c", skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// It is a symptom.
    #[serde(rename = "s", skip_serializing_if = "std::ops::Not::not")]
    pub symptom: bool,
}

/// The index as a script; `titles` are the names of the pages in SUMMARY.md, in its order.
pub fn script(book: &Book, titles: &[String]) -> String {
    let pages = book.pages.iter().zip(titles);
    let names = pages.clone();
    let names =
        names.map(|(page, title)| (layout::html_path(&page.page.file), &**title));
    let names = names.collect();
    let entries: Vec<_> =
        pages.flat_map(|(page, title)| entries(book, page, title, &names)).collect();
    // Strings alone are always JSON.
    let json = serde_json::to_string(&entries).unwrap_or_default();
    format!("window.searchIndex={json};\n")
}

/// The entries of one page; `names` are the titles of all pages, by their paths.
fn entries(
    book: &Book,
    page: &BookPage,
    title: &str,
    names: &BTreeMap<String, &str>,
) -> Vec<Entry> {
    let url = layout::html_path(&page.page.file);
    let mut entries = Vec::new();
    for section in &page.page.sections {
        for (symptom, target) in &section.symptoms {
            let url = resolve(&page.page.file, target);
            let leads_to = url.split('#').next().and_then(|it| names.get(it));
            let leads_to = leads_to.map_or(title, |it| it);
            entries.push(Entry {
                page: format!("{}: {leads_to}", section.title),
                url,
                title: symptom.clone(),
                symptom: true,
                ..Entry::default()
            });
        }
        let (text, code) = words(book, page, section);
        if section.title.is_empty() && text.is_empty() {
            continue;
        }
        let url = match section.id.as_str() {
            "" => url.clone(),
            id => format!("{url}#{id}"),
        };
        let (page, title) = (title.to_owned(), section.title.clone());
        entries.push(Entry { url, page, title, text, code, symptom: false });
    }
    entries
}

/// The words of a section, and the names in its listings; proofs and whole files are folded on the page, and not
/// looked through.
fn words(book: &Book, page: &BookPage, section: &Section) -> (String, String) {
    let mut text = section.text.clone();
    let mut names = BTreeSet::new();
    for block in &page.blocks[section.blocks.clone()] {
        match &block.what {
            Shown::Listing { listing, anchor } => {
                let code =
                    listing.anchors.get(anchor).map_or("", |anchor| &anchor.code);
                names_in(code, &mut names);
            }
            Shown::Use(paste) => names_in(&paste.program.whole, &mut names),
            Shown::Output(recording) => {
                text.push(' ');
                text.push_str(recording.text().unwrap_or_default());
            }
            Shown::Versions => {
                let versions = book.manifest.versions();
                let cells = versions.split(['|', '\n', '[', ']']);
                let cells =
                    cells.map(str::trim).filter(|it| !it.starts_with(['(', '-']));
                text.extend(cells.flat_map(|cell| [" ", cell]));
            }
            Shown::Test(promise) => {
                names_in(&book.promises[*promise].source, &mut names);
            }
            Shown::Exercise { .. }
            | Shown::Figure(_)
            | Shown::Chart(_)
            | Shown::Dependencies(_) => {}
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    names.retain(|name| !text.contains(name));
    let code = names.into_iter().collect::<Vec<_>>().join(" ");
    (text, code)
}

/// The names in code that somebody may look for.
fn names_in<'a>(code: &'a str, names: &mut BTreeSet<&'a str>) {
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '!');
    names.extend(words.filter(|name| name.len() > 2));
}

/// Where a link of the page `from` leads, from the root of the book.
fn resolve(from: &str, target: &str) -> String {
    let (path, fragment) = match target.split_once('#') {
        Some((path, fragment)) => (path, format!("#{fragment}")),
        None => (target, String::new()),
    };
    let page = if path.is_empty() {
        Some(from.to_owned())
    } else {
        layout::resolve(from, path)
    };
    format!("{}{fragment}", layout::html_path(&page.unwrap_or_default()))
}
