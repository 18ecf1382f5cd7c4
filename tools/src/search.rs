//! The renderer `search`: writes the index that the book's search looks through.
//!
//! mdBook's own index holds every proof and every whole file: 4.5 MB for twenty pages. This one holds what
//! a reader looks for: headings, prose, the names in listings, and each symptom as an entry that leads to
//! its page. It runs after mdBook's renderer, since the ids of headings are those that mdBook gave.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mdbook_preprocessor::book::{Book, Chapter};
use mdbook_renderer::errors::Result as MdResult;
use mdbook_renderer::{RenderContext, Renderer};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde::Serialize;

/// The name of the renderer, as in `[output.search]`.
pub const NAME: &str = "search";

/// The file, beside the pages.
pub const FILE: &str = "search-index.js";

/// The page whose list items are entries of their own.
const SYMPTOMS: &str = "reference/symptoms.md";

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A page that mdBook should have written.
    #[error("cannot read the page {}: {source}", path.display())]
    Page {
        /// The page.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// mdBook gave a heading no id, or not those headings that the page has.
    #[error("{}: heading `{heading}` is not found in the rendered page", path.display())]
    Heading {
        /// The page.
        path: PathBuf,
        /// What it says.
        heading: String,
    },
    /// The index cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// One result: a section of a page, or a symptom.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Where it leads, from the root of the book.
    #[serde(rename = "u")]
    pub url: String,
    /// The page.
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

/// The renderer as mdBook knows it.
#[derive(Debug, Default)]
pub struct SearchIndex;

impl Renderer for SearchIndex {
    fn name(&self) -> &'static str {
        NAME
    }

    fn render(&self, context: &RenderContext) -> MdResult<()> {
        // With two renderers, each has a folder below the one of the book.
        let html = context.destination.with_file_name("html");
        // mdBook makes it for a renderer that is a command, too.
        fs::create_dir_all(&context.destination)?;
        write(&context.book, &html)?;
        Ok(())
    }
}

/// Writes the index of `book` beside its pages, which are in `html`.
///
/// # Errors
/// The pages are not there, or the index cannot be written.
pub fn write(book: &Book, html: &Path) -> Result<(), SearchError> {
    let mut entries = Vec::new();
    for chapter in book.chapters() {
        let Some(path) = &chapter.path else { continue };
        let page = html.join(path).with_extension("html");
        let rendered = fs::read_to_string(&page)
            .map_err(|source| SearchError::Page { path: page.clone(), source })?;
        entries.extend(sections(chapter, &rendered)?);
    }
    let json = serde_json::to_string(&entries).unwrap_or_default();
    let path = html.join(FILE);
    fs::write(&path, format!("window.searchIndex={json};\n"))
        .map_err(|source| SearchError::Write { path, source })
}

/// The entries of one page; `rendered` is what mdBook made of it.
///
/// # Errors
/// A heading has no id in the rendered page.
pub fn sections(chapter: &Chapter, rendered: &str) -> Result<Vec<Entry>, SearchError> {
    let file = chapter.path.clone().unwrap_or_default();
    let url = file.with_extension("html").display().to_string().replace('\\', "/");
    let symptoms = chapter.source_path.as_deref() == Some(Path::new(SYMPTOMS));
    let mut reader = Reader {
        ids: Ids(rendered),
        entries: Vec::new(),
        now: Entry { url: url.clone(), page: chapter.name.clone(), ..Entry::default() },
        names: BTreeSet::new(),
    };
    let mut heading: Option<String> = None;
    let mut item: Option<(String, String)> = None;
    let mut in_link = false;
    let mut block = String::new();
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_GFM | Options::ENABLE_DEFINITION_LIST;
    for event in Parser::new_ext(&chapter.content, options) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                reader.close();
                heading = Some(String::new());
            }
            Event::End(TagEnd::Heading(_)) => {
                let title = heading.take().unwrap_or_default();
                let Some(id) = reader.ids.next() else {
                    return Err(SearchError::Heading { path: file, heading: title });
                };
                reader.now.url = format!("{url}#{id}");
                reader.now.title = title;
            }
            Event::Start(Tag::Item) if symptoms => item = Some(Default::default()),
            Event::End(TagEnd::Item) if symptoms => {
                if let Some((text, target)) = item.take() {
                    reader.symptom(&text, &resolve(&url, &target));
                }
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                in_link = true;
                if let Some((_, target)) = &mut item {
                    *target = dest_url.replace(".md", ".html");
                }
            }
            Event::End(TagEnd::Link) => in_link = false,
            Event::Text(text) | Event::Code(text) => match (&mut heading, &mut item) {
                (Some(heading), _) => heading.push_str(&text),
                (None, Some((symptom, _))) if !in_link => symptom.push_str(&text),
                (None, Some(_)) => {}
                (None, None) => reader.text(&text),
            },
            Event::Start(Tag::HtmlBlock) => block.clear(),
            Event::Html(html) => block.push_str(&html),
            Event::End(TagEnd::HtmlBlock) => reader.html(&block),
            _ => reader.text(" "),
        }
    }
    reader.close();
    Ok(reader.entries)
}

struct Reader<'a> {
    ids: Ids<'a>,
    entries: Vec<Entry>,
    now: Entry,
    names: BTreeSet<String>,
}

impl Reader<'_> {
    fn text(&mut self, text: &str) {
        self.now.text.push_str(text);
    }

    fn symptom(&mut self, text: &str, url: &str) {
        self.entries.push(Entry {
            url: url.to_owned(),
            page: format!("{}: {}", self.now.page, self.now.title),
            title: text.trim().trim_end_matches(':').to_owned(),
            symptom: true,
            ..Entry::default()
        });
    }

    /// The names in a listing; proofs and whole files are folded, and not looked through.
    fn html(&mut self, html: &str) {
        let Some(code) = html.strip_prefix("<pre><code class=\"rust\">") else {
            return;
        };
        let mut tag = false;
        let plain: String = code
            .chars()
            .map(|c| {
                let inside = tag || c == '<';
                tag = inside && c != '>';
                if inside { ' ' } else { c }
            })
            .collect();
        let names = plain.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '!');
        self.names.extend(names.filter(|name| name.len() > 2).map(str::to_owned));
    }

    fn close(&mut self) {
        let names = std::mem::take(&mut self.names);
        let fresh = Entry {
            url: self.now.url.clone(),
            page: self.now.page.clone(),
            ..Entry::default()
        };
        let mut done = std::mem::replace(&mut self.now, fresh);
        done.text = done.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let fresh_names =
            names.into_iter().filter(|name| !done.text.contains(name.as_str()));
        done.code = fresh_names.collect::<Vec<_>>().join(" ");
        if !(done.title.is_empty() && done.text.is_empty()) {
            self.entries.push(done);
        }
    }
}

/// The ids of the headings of a rendered page, in order.
struct Ids<'a>(&'a str);

impl<'a> Iterator for Ids<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let at = self.0.find("<h")?;
            let rest = &self.0[at + 2..];
            self.0 = rest;
            let is_heading = rest.starts_with(|c: char| c.is_ascii_digit());
            if let Some(rest) =
                rest.get(1..).and_then(|rest| rest.strip_prefix(" id=\""))
                && is_heading
            {
                return rest.split('"').next();
            }
        }
    }
}

/// `target`, as written in the page `from`, from the root of the book.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(path: &str, content: &str) -> Chapter {
        let mut chapter = Chapter::new("A page", content.to_owned(), path, Vec::new());
        chapter.source_path = Some(path.into());
        chapter
    }

    #[test]
    fn a_section_has_its_heading_its_prose_and_the_names_in_its_listings() {
        let text = "# A page\n\nUse `select!` here.\n\n<figure>\n\n<pre><code class=\"rust\"><span \
                    class=\"k\">let</span> set = <span class=\"t\">JoinSet</span>::new();</code></pre>\n\n\
                    </figure>\n\n## More\n\nText.\n";
        let html =
            "<nav><h1>no</h1></nav><h1 id=\"a-page\">A</h1><h2 id=\"more\">M</h2>";
        let entries = sections(&chapter("a/page.md", text), html).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].url, "a/page.html#a-page");
        assert_eq!(
            (&*entries[0].title, &*entries[0].text),
            ("A page", "Use select! here.")
        );
        assert!(entries[0].code.contains("JoinSet"), "{}", entries[0].code);
        assert_eq!(
            (&*entries[1].url, &*entries[1].text),
            ("a/page.html#more", "Text.")
        );
    }

    #[test]
    fn what_is_folded_is_not_looked_through() {
        let text = "# A page\n\n<details><summary>Proof: <code>a_name</code></summary>\n<div>\n\n\
                    <pre><code class=\"rust folded\">secret_name()</code></pre>\n\n</div></details>\n";
        let entries =
            sections(&chapter("page.md", text), "<h1 id=\"a-page\">").unwrap();
        assert!(!format!("{entries:?}").contains("secret_name"), "{entries:?}");
    }

    #[test]
    fn each_symptom_is_an_entry_that_leads_to_its_page() {
        let text = "# Symptoms\n\n## It lost something\n\n- A message is gone: [Race](../pattern/racing.md#x)\n";
        let html = "<h1 id=\"symptoms\"><h2 id=\"it-lost-something\">";
        let entries = sections(&chapter(SYMPTOMS, text), html).unwrap();
        let symptom = entries.iter().find(|entry| entry.symptom).unwrap();
        assert_eq!(symptom.url, "pattern/racing.html#x");
        assert_eq!(symptom.title, "A message is gone");
        assert_eq!(symptom.page, "A page: It lost something");
    }

    #[test]
    fn a_heading_that_mdbook_did_not_render_is_an_error() {
        let error = sections(&chapter("page.md", "# A\n\n## B\n"), "<h1 id=\"a\">");
        assert!(error.unwrap_err().to_string().contains("`B`"));
    }
}
