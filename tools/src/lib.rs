//! The tool behind *Async Runtime Patterns*: it builds and serves the book, records what its pages show, and is
//! the preprocessor that puts proofs and figures into them. It knows paths and Markdown, but no pattern.
//!
//! **How a page becomes HTML.** [`source`] parses each file by itself and keeps the result by content: a page
//! ([`source::page`]: its blocks, its columns of proofs, its headings and links), a file of Rust
//! ([`source::listing`]: anchors and tests, as [`source::tokens`] sees them), a recording, a manifest.
//! [`book::Book::read`] finds what each page refers to, and tells all mistakes at once. [`render::html`] turns the
//! pages into Markdown with HTML in it, which mdBook renders: in this process ([`mdbook::build`]), or when stock
//! mdBook starts the preprocessor. [`destination`] keeps the last good book until the next one is whole.
//!
//! **How a proof becomes a mark.** A page names a test in a column headed *Proof*, or as `[✓](proof:name)` behind a
//! sentence. [`book`] looks for it in the files of the page's topic, refuses one that is missing, ambiguous or
//! never runs, and decides where the proof stands: where a page shows the test (`{{#test name}}`), on the page of
//! its own topic, or on the first that names it. [`render::html`] makes it a ✓ that says the test's name, and
//! puts the source of the test at the end of the section, folded.
//!
//! **How a run becomes a figure.** A test in `listings/*/tests/figures` runs a scene on the paused clock, and
//! `listings/backend` records it in the schema of `listings/recording`, which also refuses what no run can give.
//! [`record`] runs those tests again and lets them rewrite their files. [`source::recording`] reads a file, and
//! [`render::figure`] draws it; colours and dashes are in `theme/book.css`.
//!
//! **Where a new thing goes.**
//!
//! | New | Where |
//! |---|---|
//! | kind of block, like `{{#figure …}}` | read in [`source::page`] (`Wanted`), found in [`book`] (`Shown`), written by [`render::html`] |
//! | check of a page by itself | [`source::page`]; of its HTML, with what [`source::markup`] sees; what a mistake says is a [`problem::Problem`] made there |
//! | check of how pages refer to each other | [`book`], which also sees that ids are unique |
//! | mark in prose | [`source::page`] and [`render::html`]; if it names a test, [`book`] finds that as it does for a column of proofs |
//! | shape in a figure | the schema in `listings/recording`, then [`render::figure`] |
//! | id, command, or kind of file | [`layout`], which alone knows how names are spelled |
//! | thing to find by the search | [`render::search`] |
//! | route of the server | [`serve`] |
//!
//! [`render::skeptic`] writes what the tests compile, [`render::highlight`] colours code, [`root`] finds the book, and
//! [`text`] has positions, edits and fences.

pub mod book;
pub mod destination;
pub mod layout;
pub mod mdbook;
pub mod problem;
pub mod record;
pub mod render;
pub mod root;
pub mod serve;
pub mod source;
pub mod text;
