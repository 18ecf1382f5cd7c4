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
//! **How a proof becomes a mark.** A page names a test in a column headed *Proof*. [`book`] looks for it in the
//! files of the page's topic, refuses one that is missing, ambiguous or never runs, and decides on which page the
//! proof stands: that of its own topic, or the first that names it. [`render::html`] makes the name a link, and
//! puts the source of the test behind the table.
//!
//! **How a run becomes a figure.** A test in `listings/*/tests/figures` runs a scene on the paused clock, and
//! `backend` records it in the schema of the crate `recording`. [`record`] runs those tests again and lets them
//! rewrite their files. [`source::recording`] refuses what no run can give, and [`render::figure`] draws the rest.
//!
//! **Where a new thing goes.** A new kind of block: [`source::page::Wanted`], [`book::Shown`], and how it looks in
//! [`render::html`]. A new check of a page by itself: [`source::page`]; of how pages refer to each other: [`book`].
//! A mark in prose: [`source::page`] reads it, [`render::html`] writes it. A new shape in a figure: the crate
//! `recording`, then [`render::figure`]. A new id, command or kind of file: [`layout`], which alone knows how names
//! are spelled. A new route of the server: [`serve`].

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
