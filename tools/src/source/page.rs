//! One page of the book: what its Markdown asks for, and what stands in it.
//!
//! [`Page::parse`] reads the Markdown once, with mdBook's own options, and says what is wrong with it by itself;
//! [`crate::book`] finds what it refers to.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::layout::{self, Topic};
use crate::problem::Problem;
use crate::source::compare::{self, Pair};
use crate::source::length::{self, Length};
use crate::source::markup::{self, What};
use crate::text::Lines;

/// The comment before a fence that excuses code which is typed into the page: `<!-- unproved: why -->`.
pub const EXCUSE: &str = "unproved:";

/// The comment that excuses a type which blocks use and the page does not show: `<!-- not shown: Type: why -->`.
pub const NOT_SHOWN: &str = "not shown:";

/// What begins the names of imports at a fence: `rust,uses=StreamExt`.
const USES: &str = "uses=";

/// The head of a column that names tests.
pub const PROOF: &str = "Proof";

/// What a reader sees of a proof.
pub const MARK: &str = "✓";

/// Where a mark in prose leads: `[✓](proof:the_name_of_a_test)`.
const MARKS: &str = "proof:";

/// The class of a fold that holds promises.
const PROMISES: &str = "promises";

/// The id of the heading above the footnotes.
pub const NOTES: &str = "notes";

/// The page whose list items are results of the search.
const SYMPTOMS: &str = "src/reference/symptoms.md";

/// A page and what stands in it.
#[derive(Debug)]
pub struct Page {
    /// From the root of the book: `src/…`.
    pub file: String,
    /// What it is about.
    pub topic: Topic,
    /// Its Markdown.
    pub text: String,
    /// Where its lines are.
    pub lines: Lines,
    /// Comments that stand alone: they say something to who writes the page, and nothing to who reads it.
    pub remarks: Vec<Range<usize>>,
    /// What it takes from elsewhere, in order.
    pub blocks: Vec<Block>,
    /// Its listings that are wrong and right, side by side.
    pub pairs: Vec<Pair>,
    /// The places that name a proof, in order: marks, and names in a column of proofs.
    pub proofs: Vec<ProofName>,
    /// Its folds of promises, in order.
    pub folds: Vec<Promises>,
    /// How long it is.
    pub length: Length,
    /// It has footnotes.
    pub has_notes: bool,
    /// What the search finds of it, in order; the first has what stands before any heading.
    pub sections: Vec<Section>,
    /// Where it leads.
    pub links: Vec<Link>,
    /// The ids of its headings and terms, as mdBook gives them, and those typed into it, each with its line.
    pub ids: BTreeMap<String, usize>,
    /// The types that it says it does not show.
    pub not_shown: Vec<NotShown>,
}

/// A type that a page says it does not show.
#[derive(Debug)]
pub struct NotShown {
    /// The line of the comment.
    pub line: usize,
    /// The name of the type.
    pub name: String,
}

/// Something that a page takes from elsewhere.
#[derive(Debug)]
pub struct Block {
    /// Where it stands in the page.
    pub range: Range<usize>,
    /// What it is.
    pub what: Wanted,
    /// The imports that its fence names.
    pub uses: Vec<String>,
}

/// What a page can take from elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A fence of Rust: an anchor of a listing.
    Listing {
        /// From the root of the book.
        path: String,
        /// The name of the anchor.
        anchor: String,
    },
    /// A fence of Rust: a use, whole.
    Use {
        /// From the root of the book.
        path: String,
    },
    /// A fence of text: a recorded file, whole.
    Output {
        /// From the root of the book.
        path: String,
    },
    /// `{{#figure name}}`, or `{{#figure pattern/name}}`.
    Figure(String),
    /// `{{#chart name}}`: data of the pattern of the page.
    Chart(String),
    /// `{{#test name}}`, or `{{#test topic::name}}`.
    Test(String),
    /// `{{#exercise name}}`: an exercise of the pattern of the page, with its solution.
    Exercise(String),
    /// `{{#dependencies name, name}}`: what stands in a Cargo.toml for these crates.
    Dependencies(BTreeSet<String>),
    /// `{{#versions}}`.
    Versions,
}

/// A fold of promises: `<details class="promises">`, whose summary says how many they are.
#[derive(Debug)]
pub struct Promises {
    /// Behind its opening tag.
    pub at: usize,
    /// The rows of its tables that have a proof.
    pub rows: usize,
}

/// A place that names a proof: a mark, or a name in a *Proof* column.
#[derive(Debug)]
pub struct ProofName {
    /// Where it stands, with its backticks or as a link.
    pub range: Range<usize>,
    /// As written: `test` or `topic::test`.
    pub name: String,
}

/// A part of a page, from one heading to the next.
#[derive(Debug, Default)]
pub struct Section {
    /// The id of its heading; empty before the first.
    pub id: String,
    /// What its heading says.
    pub title: String,
    /// Its prose.
    pub text: String,
    /// The blocks of the page that stand in it.
    pub blocks: Range<usize>,
    /// The proofs of the page that it names.
    pub proofs: Range<usize>,
    /// Where it ends.
    pub end: usize,
    /// On the page of symptoms: what a reader sees, and where it leads.
    pub symptoms: Vec<(String, String)>,
}

/// A link or an image.
#[derive(Debug)]
pub struct Link {
    /// The line that it stands in.
    pub line: usize,
    /// As written.
    pub target: String,
}

impl Page {
    /// Reads the page `file`, a path from the root of the book.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader {
            page: Self {
                file: file.to_owned(),
                topic: Topic::of_page(file),
                text: text.to_owned(),
                lines: Lines::new(text),
                remarks: Vec::new(),
                blocks: Vec::new(),
                pairs: Vec::new(),
                proofs: Vec::new(),
                folds: Vec::new(),
                length: Length::default(),
                has_notes: false,
                sections: Vec::new(),
                links: Vec::new(),
                ids: BTreeMap::new(),
                not_shown: Vec::new(),
            },
            section: Section::default(),
            problems: Vec::new(),
            excuse: None,
            open_tags: Vec::new(),
            generated: HashSet::new(),
            footnotes: BTreeMap::new(),
            notes: BTreeMap::new(),
            fences: Vec::new(),
            heading: None,
            term: None,
            item: None,
            html: None,
            nested: 0,
            fold: None,
            mark: None,
            in_link: false,
            in_code: false,
            text,
        };
        reader.read();
        let Reader { page, problems, .. } = reader;
        if problems.is_empty() { Ok(page) } else { Err(problems) }
    }
}

struct Reader<'a> {
    page: Page,
    /// The Markdown.
    text: &'a str,
    section: Section,
    problems: Vec<Problem>,
    /// The line of the last excuse that no fence has used yet.
    excuse: Option<usize>,
    /// Elements that are open, and their lines.
    open_tags: Vec<(String, usize)>,
    /// The ids that mdBook has made from headings and terms so far.
    generated: HashSet<String>,
    /// The references to each footnote: how many, and the line of the first.
    footnotes: BTreeMap<String, (usize, usize)>,
    /// The footnotes that are defined, and their lines.
    notes: BTreeMap<String, usize>,
    /// The code blocks so far.
    fences: Vec<Range<usize>>,
    /// What is read now, if it is.
    heading: Option<Reading>,
    term: Option<Reading>,
    item: Option<Reading>,
    /// A block of HTML, and where it begins.
    html: Option<(String, usize)>,
    /// How deep we are in what a table of proofs may not stand in.
    nested: usize,
    /// The fold of promises that is open: how many elements are open around it, its line, and what it holds.
    fold: Option<(usize, usize, Promises)>,
    /// The mark that is read now: what it says so far.
    mark: Option<String>,
    in_link: bool,
    in_code: bool,
}

/// A heading, a term or an item of a list while it is read.
#[derive(Default)]
struct Reading {
    text: String,
    id: Option<String>,
    target: Option<String>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut options = MarkdownOptions::default();
        options.smart_punctuation = false; // as in book.toml
        let parser = new_cmark_parser(self.text, &options);
        let events: Vec<_> = parser.into_offset_iter().collect();
        for (at, (event, range)) in events.iter().enumerate() {
            if let Event::Start(Tag::Table(_)) = event {
                let end = events[at..]
                    .iter()
                    .position(|(event, _)| *event == Event::End(TagEnd::Table))
                    .map_or(events.len(), |length| at + length);
                self.table(&events[at..end], range.clone());
            }
            match event {
                Event::Start(tag) => self.starts(tag, range),
                Event::End(tag) => self.ends(*tag, range),
                Event::Text(words) | Event::Code(words) if self.mark.is_some() => {
                    self.mark.get_or_insert_default().push_str(words);
                }
                Event::Text(words) | Event::Code(words) => {
                    self.bare_mark(words, range.start);
                    if !self.in_code && matches!(event, Event::Text(_)) {
                        self.undefined_footnote(words, range.start);
                    }
                    self.words(words, range.start);
                }
                Event::FootnoteReference(name) => self.footnote(name, range.start),
                Event::Html(part) => match &mut self.html {
                    Some((whole, _)) => whole.push_str(part),
                    None => self.markup(part, range.start),
                },
                Event::InlineHtml(part) => self.markup(part, range.start),
                _ => self.section.text.push(' '),
            }
        }
        self.close(self.text.len());
        self.forgotten_excuse();
        self.directives_elsewhere();
        if let Some((tag, line)) = self.open_tags.pop() {
            self.problem_in(
                line,
                format!("<{tag}> is never closed"),
                format!("add </{tag}>; if it is code, put it in `backticks`"),
            );
        }
        self.footnotes();
        self.pairs(&events);
        self.page.length =
            length::measure(&events, |at| self.in_block(at) || self.in_proof(at));
        self.problems.sort_by_key(|problem| problem.line);
    }

    fn pairs(&mut self, events: &[(Event<'_>, Range<usize>)]) {
        let (pairs, mistakes) = compare::pairs(self.text, events, &self.page.blocks);
        self.page.pairs = pairs;
        for (at, what, mend) in mistakes {
            // A fence with a mistake of its own is no listing, and that is told.
            let line = self.line(at);
            if !self.problems.iter().any(|problem| problem.line == line) {
                self.problem_in(line, what, mend);
            }
        }
    }

    /// Each footnote is there, and something refers to it; mdBook gathers them at the end of the page.
    fn footnotes(&mut self) {
        let notes = std::mem::take(&mut self.notes);
        let references = std::mem::take(&mut self.footnotes);
        for (name, (_, line)) in &references {
            if !notes.contains_key(name) {
                let what = format!("the footnote `{name}` is not there");
                self.problem_in(*line, what, format!("write it: [^{name}]: …"));
            }
        }
        for (name, line) in &notes {
            if !references.contains_key(name) {
                let what = format!("nothing refers to the footnote `{name}`");
                self.problem_in(*line, what, format!("write [^{name}], or remove it"));
            }
        }
        if !references.is_empty() {
            self.page.has_notes = true;
            let end = self.line(self.text.len());
            if let Some(line) = self.page.ids.insert(NOTES.to_owned(), end) {
                let what = format!("the id `{NOTES}` is that of the footnotes");
                self.problem_in(
                    line,
                    what,
                    "give this one an id of its own: { #name }",
                );
            }
        }
    }

    fn starts(&mut self, tag: &Tag<'_>, range: &Range<usize>) {
        match tag {
            Tag::CodeBlock(kind) => {
                self.fences.push(range.clone());
                self.code(kind, range.clone());
                self.in_code = true;
            }
            Tag::Paragraph => self.paragraph(range.clone()),
            Tag::List(_) | Tag::BlockQuote(_) | Tag::DefinitionListDefinition => {
                self.nested += 1;
            }
            Tag::FootnoteDefinition(name) => {
                self.nested += 1;
                let line = self.line(range.start);
                self.notes.insert(name.to_string(), line);
                self.typed_id(&format!("footnote-{name}"), range.start);
            }
            Tag::Heading { id, .. } => {
                self.close(range.start);
                let id = id.as_ref().map(ToString::to_string);
                self.heading = Some(Reading { id, ..Reading::default() });
            }
            Tag::DefinitionListTitle => self.term = Some(Reading::default()),
            Tag::Item if self.page.file == SYMPTOMS => {
                self.item = Some(Reading::default());
            }
            Tag::Link { dest_url, .. } if dest_url.starts_with(MARKS) => {
                self.mark = Some(String::new());
                let name = dest_url[MARKS.len()..].to_owned();
                self.page.proofs.push(ProofName { range: range.clone(), name });
                if self.heading.is_some() {
                    let mend = "put it behind the sentence that it proves";
                    self.problem(range.start, "a mark in a heading", mend);
                }
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.in_link = true;
                let target = dest_url.to_string();
                if let Some(item) = &mut self.item {
                    item.target = Some(target.clone());
                }
                let line = self.line(range.start);
                self.page.links.push(Link { line, target });
            }
            Tag::HtmlBlock => self.html = Some((String::new(), range.start)),
            _ => self.section.text.push(' '),
        }
    }

    fn ends(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::CodeBlock => self.in_code = false,
            TagEnd::List(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::DefinitionListDefinition
            | TagEnd::FootnoteDefinition => self.nested -= 1,
            TagEnd::Heading(_) => {
                let read = self.heading.take().unwrap_or_default();
                self.section.id = self.heading_id(&read, range.start);
                self.section.title = read.text;
            }
            TagEnd::DefinitionListTitle => {
                let read = self.term.take().unwrap_or_default();
                self.heading_id(&read, range.start);
            }
            TagEnd::Item => {
                if let Some(Reading { text, target: Some(target), .. }) =
                    self.item.take()
                {
                    let text = text.trim().trim_end_matches(':').to_owned();
                    self.section.symptoms.push((text, target));
                }
            }
            TagEnd::Link if self.mark.is_some() => {
                let said = self.mark.take().unwrap_or_default();
                if said != MARK {
                    let what = format!("a mark that says `{said}`");
                    let mend = format!("write it [{MARK}]({MARKS}the_name_of_a_test)");
                    self.problem(range.start, what, mend);
                }
            }
            TagEnd::Link | TagEnd::Image => self.in_link = false,
            TagEnd::HtmlBlock => {
                if let Some((whole, start)) = self.html.take() {
                    let remark = whole.trim();
                    if remark.starts_with("<!--") && remark.ends_with("-->") {
                        self.page.remarks.push(range.clone());
                    }
                    self.markup(&whole, start);
                }
            }
            _ => {}
        }
        if !matches!(tag, TagEnd::Link | TagEnd::Emphasis | TagEnd::Strong) {
            self.section.text.push(' ');
        }
    }

    fn words(&mut self, words: &str, at: usize) {
        if let Some(heading) = &mut self.heading {
            heading.text.push_str(words);
        } else if let Some(item) = &mut self.item {
            if !self.in_link {
                item.text.push_str(words);
            }
        } else if !self.in_block(at) && !self.in_proof(at) {
            if let Some(term) = &mut self.term {
                term.text.push_str(words);
            }
            self.section.text.push_str(words);
        }
    }

    /// A mark that leads to no test proves nothing.
    fn bare_mark(&mut self, words: &str, at: usize) {
        if words.contains(MARK) && !self.in_code {
            let what = format!("a {MARK} that names no test");
            let mend = format!("write it [{MARK}]({MARKS}the_name_of_a_test)");
            self.problem(at, what, mend);
        }
    }

    fn line(&self, at: usize) -> usize {
        self.page.lines.of(at)
    }

    fn problem(&mut self, at: usize, what: impl Into<String>, mend: impl Into<String>) {
        self.problem_in(self.line(at), what, mend);
    }

    fn problem_in(
        &mut self,
        line: usize,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.problems.push(Problem::new(&self.page.file, line, what, mend));
    }

    /// Ends the section that is being read, at `end`.
    fn close(&mut self, end: usize) {
        let (blocks, proofs) = (self.page.blocks.len(), self.page.proofs.len());
        let mut done = std::mem::take(&mut self.section);
        self.section.blocks = blocks..blocks;
        self.section.proofs = proofs..proofs;
        done.blocks.end = blocks;
        done.proofs.end = proofs;
        done.end = end;
        done.text = done.text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.page.sections.push(done);
    }

    /// Whether this place was taken by a block.
    fn in_block(&self, at: usize) -> bool {
        self.page.blocks.iter().any(|block| block.range.contains(&at))
    }

    /// Whether this place names a proof; a reader sees a mark there.
    fn in_proof(&self, at: usize) -> bool {
        self.page.proofs.iter().any(|proof| proof.range.contains(&at))
    }

    /// The id that mdBook gives a heading or term: its own, or one made of its words.
    fn heading_id(&mut self, read: &Reading, at: usize) -> String {
        if let Some(id) = &read.id {
            self.typed_id(id, at);
            return id.clone();
        }
        let words = read.text.trim().to_lowercase();
        let wanted: String = words
            .chars()
            .filter_map(|c| match c {
                c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
                c if c.is_whitespace() => Some('-'),
                _ => None,
            })
            .collect();
        let mut id = wanted.clone();
        let mut count = 0;
        while !self.generated.insert(id.clone()) {
            count += 1;
            id = format!("{wanted}-{count}");
        }
        self.typed_id(&id, at);
        id
    }

    fn typed_id(&mut self, id: &str, at: usize) {
        let line = self.line(at);
        if let Some(first) = self.page.ids.insert(id.to_owned(), line) {
            let what = format!("the id `{id}` stands in line {first} already");
            self.problem_in(line, what, "give this one an id of its own: { #name }");
        }
    }

    fn footnote(&mut self, name: &str, at: usize) {
        let line = self.line(at);
        let (count, _) = self.footnotes.entry(name.to_owned()).or_insert((0, line));
        *count += 1;
        let id = format!("fr-{name}-{count}");
        self.typed_id(&id, at);
    }

    /// A reference to a footnote that is not defined is text to the parser.
    fn undefined_footnote(&mut self, words: &str, at: usize) {
        if words.starts_with('[') && self.text[at..].starts_with("[^") {
            let name = self.text[at + 2..].split(']').next().unwrap_or_default();
            let what = format!("the footnote `{name}` is not there");
            self.problem(at, what, format!("write it: [^{name}]: …"));
        }
    }

    fn code(&mut self, kind: &CodeBlockKind<'_>, range: Range<usize>) {
        let source = &self.text[range.clone()];
        let excused = self.excuse.take();
        let words = match kind {
            CodeBlockKind::Fenced(info) => info,
            CodeBlockKind::Indented => "",
        };
        let quoted = |line: &str| line.trim_start_matches(['>', ' ']).to_owned();
        let code: Vec<_> = match kind {
            CodeBlockKind::Fenced(_) => {
                let lines = source.lines().count();
                source.lines().skip(1).take(lines.saturating_sub(2)).collect()
            }
            CodeBlockKind::Indented => source.lines().collect(),
        };
        let line = match code[..] {
            [line] => quoted(line),
            _ => String::new(),
        };
        let include =
            line.trim().strip_prefix("{{#include").and_then(|it| it.strip_suffix("}}"));
        match include {
            Some(target) => {
                if let Some(excuse) = excused {
                    let what = "this excuse is not needed: the block is included";
                    self.problem_in(excuse, what, "remove the comment");
                }
                let at_margin = self.page.lines.column(range.start) == 0
                    && code[0].starts_with("{{");
                if at_margin {
                    self.include(words, target.trim(), range);
                } else {
                    let what = "an include that is not at column 0";
                    let mend = "move the fence and the include to the start of their lines, out of lists and quotes";
                    self.problem(range.start, what, mend);
                }
            }
            None if excused.is_some() => {}
            None => self.own_code(range.start),
        }
    }

    fn own_code(&mut self, at: usize) {
        let what = "a block with code of its own, which nothing proves";
        let mend = format!(
            "include it from listings/, or say why before it: <!-- {EXCUSE} the reason -->"
        );
        self.problem(at, what, mend);
    }

    fn include(&mut self, words: &str, target: &str, range: Range<usize>) {
        let (info, uses) = words.split_once([',', ' ']).unwrap_or((words, ""));
        let uses = self.hints(uses, range.start);
        let (path, anchor) = match target.split_once(':') {
            Some((path, anchor)) => (path, Some(anchor)),
            None => (target, None),
        };
        let Some(path) = layout::resolve(&self.page.file, path) else {
            let what = format!("the include leads out of the book: {path}");
            self.problem(range.start, what, "include a file below listings/");
            return;
        };
        let line_range =
            |anchor: &str| anchor.chars().all(|c| c.is_ascii_digit() || c == ':');
        let what = match (info, anchor) {
            ("rust", Some(anchor)) if !line_range(anchor) => {
                Wanted::Listing { path, anchor: anchor.to_owned() }
            }
            ("rust", None) if layout::is_use(&path) => Wanted::Use { path },
            ("rust", _) => {
                let what = "an include without an anchor";
                let mend = "name the part by its anchor: {{#include path:anchor}}";
                return self.problem(range.start, what, mend);
            }
            ("text" | "console", None) => Wanted::Output { path },
            _ => {
                let what = "an include in a fence that is neither `rust` nor `text`";
                let mend = "`rust` with an anchor for a listing, `text` without one for a recording";
                return self.problem(range.start, what, mend);
            }
        };
        self.page.blocks.push(Block { range, what, uses });
    }

    /// The imports that a fence names.
    fn hints(&mut self, words: &str, at: usize) -> Vec<String> {
        let names = words.strip_prefix(USES).unwrap_or_default();
        let names: Vec<_> =
            names.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        if names.is_empty() != words.is_empty() {
            let what = format!("`{words}` at a fence, which nothing reads");
            self.problem(at, what, format!("`rust`, or `rust,{USES}Name,Name`"));
        }
        names
    }

    fn paragraph(&mut self, range: Range<usize>) {
        let Some(inside) = self.text[range.clone()]
            .trim()
            .strip_prefix("{{#")
            .and_then(|text| text.strip_suffix("}}"))
        else {
            return;
        };
        let what = match inside.split_once(' ') {
            Some(("figure", name)) => Wanted::Figure(name.trim().to_owned()),
            Some(("chart", name)) => Wanted::Chart(name.trim().to_owned()),
            Some(("test", name)) => Wanted::Test(name.trim().to_owned()),
            Some(("exercise", name)) => Wanted::Exercise(name.trim().to_owned()),
            Some(("dependencies", names)) => {
                let names = names.split(',').map(|name| name.trim().to_owned());
                Wanted::Dependencies(names.collect())
            }
            None if inside == "versions" => Wanted::Versions,
            _ => return,
        };
        self.page.blocks.push(Block { range, what, uses: Vec::new() });
    }

    /// A directive that is not one of those found is a mistake that mdBook would leave in the page.
    fn directives_elsewhere(&mut self) {
        for (at, _) in self.text.match_indices("{{#") {
            let reported = self.fences.iter().any(|fence| fence.contains(&at));
            if !self.in_block(at) && !reported {
                let what = "a directive that stands where none can";
                let mend = "an include stands alone in a fence, {{#figure …}}, {{#chart …}}, {{#dependencies …}}, {{#exercise …}} and {{#test …}} alone in a paragraph";
                self.problem(at, what, mend);
            }
        }
    }

    fn table(&mut self, events: &[(Event<'_>, Range<usize>)], range: Range<usize>) {
        let mut table = Table::default();
        for (event, range) in events {
            table.take(event, range);
        }
        let text = &self.text[range.clone()];
        let mut at = range.start;
        for row in text.split_inclusive('\n') {
            self.cells(row, at, table.heads.len());
            at += row.len();
        }
        let column = table.heads.iter().position(|head| head == PROOF);
        let alike = |head: &&String| {
            matches!(head.to_lowercase().trim_end_matches('s'), "proof" | "test")
                && *head != PROOF
        };
        if let Some(head) = table.heads.iter().find(alike) {
            let what = format!("a column headed `{head}`, which nothing checks");
            self.problem(range.start, what, format!("head it `{PROOF}`"));
        }
        let Some(column) = column else { return };
        if self.nested > 0 {
            let what = "a table of proofs inside a list, a quote or a footnote";
            self.problem(range.start, what, "move it out of there");
            return;
        }
        for (_, cell) in table.cells.into_iter().filter(|(at, _)| *at == column) {
            if cell.words {
                let mend = "name tests only, `each in backticks`";
                self.problem(cell.at, "words in a column of proofs", mend);
            }
            if cell.names.is_empty() {
                let mend = "name the test that proves it, or strike it";
                self.problem(cell.at, "a promise without a proof", mend);
            }
            self.page.proofs.extend(cell.names);
            if let Some((.., fold)) = &mut self.fold {
                fold.rows += 1;
            }
        }
    }

    /// A bar in a cell makes one more of it, and mdBook drops the last cells without a word.
    fn cells(&mut self, row: &str, at: usize, columns: usize) {
        let line = row.trim();
        let Some(inside) = line.strip_prefix('|').and_then(|it| it.strip_suffix('|'))
        else {
            return;
        };
        let bars = inside.replace("\\\\", "").replace("\\|", "").matches('|').count();
        if bars + 1 != columns {
            let what =
                format!("a row of {} cells in a table of {columns} columns", bars + 1);
            self.problem(at, what, "a bar inside a cell is written \\|");
        }
    }

    fn markup(&mut self, html: &str, start: usize) {
        let first = self.line(start);
        if html.contains("<!--") && !html.contains("-->") {
            self.problem_in(first, "a comment that never ends", "close it with -->");
            return;
        }
        self.section.text.push(' ');
        for found in markup::read(html) {
            let line = first + found.line;
            match found.what {
                What::Comment(text) => self.comment(&text, line),
                What::Close(name) => self.closes(&name, line),
                What::Open { name, closed, id, class, target } => {
                    if name == "details" && class.as_deref() == Some(PROMISES) {
                        self.promises(start, line);
                    } else if name == "summary" && self.is_in_promises() {
                        let what = "a fold of promises with a summary of its own";
                        let mend =
                            "remove the <summary>: it is written from the tables";
                        self.problem_in(line, what, mend);
                    }
                    if name == "pre" && self.excuse.take().is_none() {
                        self.own_code(start);
                    }
                    if let Some(id) = id {
                        self.typed_id(&id, start);
                    }
                    if let Some(target) = target {
                        self.page.links.push(Link { line, target });
                    }
                    if !closed {
                        self.open_tags.push((name, line));
                    }
                }
            }
        }
    }

    fn closes(&mut self, name: &str, line: usize) {
        if self.open_tags.last().is_some_and(|(open, _)| open == name) {
            self.open_tags.pop();
            self.end_of_promises();
        } else {
            let what = format!("</{name}> closes nothing that is open here");
            self.problem_in(line, what, "open and close HTML elements in pairs");
        }
    }

    /// A fold of promises begins.
    fn promises(&mut self, start: usize, line: usize) {
        let tag = &self.text[self.page.lines.start(line).max(start)..];
        let at = self.text.len() - tag.len() + tag.find('>').map_or(0, |at| at + 1);
        self.fold = Some((self.open_tags.len(), line, Promises { at, rows: 0 }));
    }

    /// Directly inside a fold of promises.
    fn is_in_promises(&self) -> bool {
        let depth = self.fold.as_ref().map(|(depth, ..)| depth + 1);
        depth == Some(self.open_tags.len())
    }

    /// Ends the fold of promises, if its element is closed.
    fn end_of_promises(&mut self) {
        let depth = self.open_tags.len();
        let Some((_, line, fold)) = self.fold.take_if(|(at, ..)| *at == depth) else {
            return;
        };
        if fold.rows == 0 {
            let what = "a fold of promises without one";
            let mend = format!(
                "put a table with a column `{PROOF}` into it, and empty lines around it"
            );
            self.problem_in(line, what, mend);
        }
        self.page.folds.push(fold);
    }

    fn comment(&mut self, text: &str, line: usize) {
        if let Some(excuse) = text.trim().strip_prefix(NOT_SHOWN) {
            return self.not_shown(excuse, line);
        }
        let Some(reason) = text.trim().strip_prefix(EXCUSE) else { return };
        self.forgotten_excuse();
        if reason.trim().is_empty() {
            self.problem_in(line, "an excuse without a reason", "write the reason");
        }
        self.excuse = Some(line);
    }

    fn not_shown(&mut self, excuse: &str, line: usize) {
        let (name, reason) = excuse.split_once(':').unwrap_or((excuse, ""));
        if reason.trim().is_empty() {
            let mend = format!("<!-- {NOT_SHOWN} Type: the reason -->");
            self.problem_in(line, "an excuse without a reason", mend);
        }
        let name = name.trim().to_owned();
        if self.page.not_shown.iter().any(|it| it.name == name) {
            let what = format!("`{name}` is excused a second time");
            self.problem_in(line, what, "remove one of the comments");
        }
        self.page.not_shown.push(NotShown { line, name });
    }

    fn forgotten_excuse(&mut self) {
        if let Some(excuse) = self.excuse.take() {
            let what =
                "this excuse is not needed: no block with code of its own follows";
            self.problem_in(excuse, what, "remove the comment");
        }
    }
}

/// A table while it is read.
#[derive(Default)]
struct Table {
    heads: Vec<String>,
    /// The cells below the head, with their columns.
    cells: Vec<(usize, Cell)>,
    in_head: bool,
    column: usize,
}

#[derive(Default)]
struct Cell {
    at: usize,
    /// The code spans.
    names: Vec<ProofName>,
    /// There is more than code spans and commas.
    words: bool,
}

impl Table {
    fn take(&mut self, event: &Event<'_>, range: &Range<usize>) {
        match event {
            Event::Start(Tag::TableHead) => self.in_head = true,
            Event::End(TagEnd::TableHead) => self.in_head = false,
            Event::Start(Tag::TableRow) => self.column = 0,
            Event::Start(Tag::TableCell) if self.in_head => {
                self.heads.push(String::new());
            }
            Event::Start(Tag::TableCell) => {
                let cell = Cell { at: range.start, ..Cell::default() };
                self.cells.push((self.column, cell));
            }
            Event::End(TagEnd::TableCell) => self.column += 1,
            Event::Text(text) | Event::Code(text) if self.in_head => {
                if let Some(head) = self.heads.last_mut() {
                    head.push_str(text);
                }
            }
            Event::Code(name) => {
                if let Some((_, cell)) = self.cells.last_mut() {
                    let name = name.to_string();
                    cell.names.push(ProofName { range: range.clone(), name });
                }
            }
            Event::Text(text) => {
                if let Some((_, cell)) = self.cells.last_mut() {
                    cell.words |= text.chars().any(|c| !c.is_whitespace() && c != ',');
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Page, Vec<Problem>> {
        Page::parse("src/some-pattern/a-topic.md", text)
    }

    /// The one problem of a page, as `line: what`.
    fn refused(text: &str) -> String {
        let problems = read(text).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        format!("{}: {}", problems[0].line, problems[0].what)
    }

    #[test]
    fn a_fence_that_includes_an_anchor_is_a_listing() {
        let page = read(
            "# T\n\n```rust\n{{#include ../../listings/p/src/t.rs:some_idea}}\n```\n",
        )
        .unwrap();
        let path = "listings/p/src/t.rs".to_owned();
        let what = Wanted::Listing { path, anchor: "some_idea".into() };
        assert_eq!(page.blocks[0].what, what);
        let line = page.lines.of(page.blocks[0].range.start);
        assert_eq!((&*page.topic.name, line), ("a-topic", 3));
    }

    #[test]
    fn figures_charts_dependencies_and_versions_stand_alone() {
        let text = "{{#figure a-topic}}\n\n{{#chart a_chart}}\n\n{{#dependencies b, a}}\n\n{{#versions}}\n";
        let page = read(text).unwrap();
        let what: Vec<_> = page.blocks.into_iter().map(|block| block.what).collect();
        let wanted = [
            Wanted::Figure("a-topic".into()),
            Wanted::Chart("a_chart".into()),
            Wanted::Dependencies(["a", "b"].map(str::to_owned).into()),
            Wanted::Versions,
        ];
        assert_eq!(what, wanted);
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
        assert!(
            refused("x\n\n<pre>\nfn f() {}\n</pre>\n")
                .starts_with("3: a block with code")
        );
        for excused in ["```c\nx\n```\n", "<pre>\nx\n</pre>\n"] {
            let text =
                format!("<!-- unproved: it is another language -->\n\n{excused}");
            assert!(read(&text).is_ok(), "{text}");
        }
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
        let page = read(
            "| Claim | Proof |\n|---|---|\n| `x` | `a`, `t::b` |\n| y | `c` |\n\nend\n",
        )
        .unwrap();
        let names: Vec<_> = page.proofs.iter().map(|name| name.name.as_str()).collect();
        assert_eq!(names, ["a", "t::b", "c"]);
        assert_eq!(&page.text[page.proofs[1].range.clone()], "`t::b`");
        assert!(!page.sections[0].text.contains("t::b"), "a reader sees marks");
    }

    #[test]
    fn a_mark_in_prose_is_a_proof_of_its_section() {
        let page = read(
            "# T\n\nIt holds. [✓](proof:a)\n\n- And more. [✓](proof:t::b) [✓](proof:c)\n\n## U\n\n| A |\n|---|\n| x [✓](proof:d) |\n\n> A note. [✓](proof:e)\n",
        )
        .unwrap();
        let names: Vec<_> = page.proofs.iter().map(|name| name.name.as_str()).collect();
        assert_eq!(names, ["a", "t::b", "c", "d", "e"]);
        assert_eq!(&page.text[page.proofs[1].range.clone()], "[✓](proof:t::b)");
        let [_, first, second] = &page.sections[..] else {
            panic!("{:?}", page.sections)
        };
        assert_eq!((first.proofs.clone(), second.proofs.clone()), (0..3, 3..5));
        assert!(page.text[first.end..].starts_with("## U"));
        assert_eq!(second.end, page.text.len());
        assert_eq!(first.text, "It holds. And more.");
        assert!(page.links.is_empty());
    }

    #[test]
    fn a_mark_that_proves_nothing_is_refused() {
        assert!(refused("It holds. ✓\n").contains("names no test"));
        assert!(
            refused("It holds. [yes](proof:a)\n").contains("a mark that says `yes`")
        );
        assert!(refused("# T [✓](proof:a)\n").contains("a mark in a heading"));
    }

    #[test]
    fn a_fold_of_promises_counts_them() {
        let table = "| Promise | Proof |\n|---|---|\n| x | `a`, `b` |\n| y | `c` |\n";
        let fold = |inside: &str| {
            format!(
                "# T\n\n<details class=\"promises\">\n\n{inside}\n</details>\n\n{table}"
            )
        };
        let page = read(&fold(table)).unwrap();
        assert_eq!((page.folds.len(), page.folds[0].rows), (1, 2));
        assert!(
            page.text[..page.folds[0].at].ends_with("<details class=\"promises\">")
        );
        assert!(
            refused(&fold("Words.\n")).starts_with("3: a fold of promises without one")
        );
        let own = format!("<summary>All</summary>\n\n{table}");
        assert!(refused(&fold(&own)).contains("a summary of its own"));
    }

    #[test]
    fn a_promise_without_a_proof_is_refused() {
        let table =
            |cell: &str| format!("| Claim | Proof |\n|---|---|\n| x | {cell} |\n");
        assert!(refused(&table("")).starts_with("3: a promise without"));
        let problems = read(&table("trust me")).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.what.contains("words")),
            "{problems:?}"
        );
        assert!(read("| A | B |\n|---|---|\n| x | y |\n").is_ok());
    }

    #[test]
    fn html_that_does_not_balance_is_refused() {
        assert!(refused("<div>\n\nwords\n").contains("<div> is never closed"));
        assert!(refused("words</b>\n").contains("</b> closes nothing"));
        for good in [
            "<div>\n\nwords <br> <img src=\"a\">\n\n</div>\n",
            "<picture><source srcset=\"a\"><img src=\"b\"></picture>\n",
            "<div title=\"a > b\">\n\nwords\n\n</div>\n",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        let problems = read("It gives an Option<T> here.\n").unwrap_err();
        assert!(problems[0].mend.contains("`backticks`"), "{problems:?}");
        assert!(
            refused("# T\n\n<!-- so\n").starts_with("3: a comment that never ends")
        );
    }

    #[test]
    fn a_proof_that_nobody_would_check_is_refused() {
        for head in ["proof", "Proofs", "PROOF", "Tests"] {
            let table = format!("| Claim | {head} |\n|---|---|\n| x | `a` |\n");
            assert!(refused(&table).contains("which nothing checks"), "{head}");
        }
        let table = "| Claim | Proof |\n|---|---|\n| x | `a` |\n";
        let inside = |mark: &str| {
            let lines = table.lines().enumerate();
            let text = lines.map(|(at, line)| {
                format!(
                    "{}{line}\n",
                    if at == 0 || mark == "> " { mark } else { "    " }
                )
            });
            text.collect::<String>()
        };
        for mark in ["- ", "> "] {
            assert!(refused(&inside(mark)).contains("inside a list"), "{mark}");
        }
        let note = format!("A note.[^n]\n\n[^n]:\n{}", inside("    "));
        assert!(refused(&note).contains("inside a list"), "{note}");
    }

    #[test]
    fn a_row_with_a_bar_too_many_is_refused() {
        let table = |cell: &str| format!("| A | B |\n|---|---|\n| x | {cell} |\n");
        assert!(
            refused(&table("`a | b`"))
                .starts_with("3: a row of 3 cells in a table of 2")
        );
        assert!(read(&table("`a \\| b`")).is_ok());
    }

    #[test]
    fn headings_and_terms_have_the_ids_that_mdbook_gives_them() {
        let page = read(
            "# A *first* `page`!\n\n## More { #own .class }\n\n## Twice\n\n## Twice\n\nA term\n: Its meaning.\n\n<h2 id=\"typed\">x</h2>\n",
        )
        .unwrap();
        let ids: Vec<_> = page.ids.keys().map(String::as_str).collect();
        assert_eq!(ids, ["a-first-page", "a-term", "own", "twice", "twice-1", "typed"]);
        let titles: Vec<_> =
            page.sections.iter().map(|section| section.title.as_str()).collect();
        assert_eq!(titles, ["", "A first page!", "More", "Twice", "Twice"]);
        assert!(
            refused("# A\n\n## B { #a }\n").contains("the id `a` stands in line 1")
        );
    }

    #[test]
    fn a_section_has_its_prose_and_its_blocks() {
        let include = "```text\n{{#include ../../listings/a.out}}\n```\n";
        let page = read(&format!(
            "# T\n\nSome `code`.[^n]\n\n{include}\n## U\n\nMore.\n\n[^n]: A note.\n"
        ))
        .unwrap();
        let [_, first, second] = &page.sections[..] else {
            panic!("{:?}", page.sections)
        };
        assert_eq!((&*first.text, first.blocks.clone()), ("Some code.", 0..1));
        assert_eq!((&*second.text, second.blocks.clone()), ("More. A note.", 1..1));
    }

    #[test]
    fn a_footnote_that_is_not_there_is_refused() {
        assert!(
            refused("Words.[^none]\n").contains("the footnote `none` is not there")
        );
        assert!(read("Words.[^n]\n\n[^n]: So.\n").is_ok());
    }

    #[test]
    fn a_footnote_that_nothing_refers_to_is_refused() {
        assert_eq!(
            refused("Words.\n\n[^n]: So.\n"),
            "3: nothing refers to the footnote `n`"
        );
    }

    #[test]
    fn footnotes_have_a_heading_which_no_other_meets() {
        let page = read("# T\n\nWords.[^n]\n\n[^n]: So.\n").unwrap();
        assert!(page.has_notes && page.ids.contains_key(NOTES));
        assert!(!read("# T\n\n## Notes\n").unwrap().has_notes);
        assert_eq!(
            refused("# T\n\n## Notes\n\nWords.[^n]\n\n[^n]: So.\n"),
            "3: the id `notes` is that of the footnotes"
        );
    }
}
