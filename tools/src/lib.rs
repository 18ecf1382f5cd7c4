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
//! **How an edit is seen.** [`serve`] watches the sources. [`live`] reads the book again, gives mdBook the pages alone that
//! are not as they were, and puts their text into the frames of the first build.
//!
//! **How a proof becomes a mark.** A page names a test in a column headed *Proof*, or as `[✓](proof:name)` behind a
//! sentence. [`book`] looks for it in the files of the page's topic, refuses one that is missing, ambiguous or
//! never runs, and decides where the proof stands: where a page shows the test (`{{#test name}}`), on the page of
//! its own topic, or on the first that names it. [`render::html`] makes it a ✓ that says the test's name, and
//! puts the source of the test at the end of the section, folded.
//!
//! **How a block gets its imports.** [`source::uses`] reads the `use` lines of a file, [`source::names`] which names a
//! part of it takes from around, fields, methods and variables not counted. What both have is shown above the code;
//! a trait whose methods alone are used comes from [`source::traits`], or from a hint at the fence. [`imports`] also
//! sees that a page shows the types that its blocks use. The test `imports` asks the compiler about all of it.
//!
//! **How a run becomes a figure.** A test in `listings/*/tests/figures` runs a scene on the paused clock, and
//! `listings/backend` records it in the schema of `listings/recording`, which also refuses what no run can give.
//! [`record`] runs those tests again and lets them rewrite their files. [`source::recording`] reads a file, and
//! [`render::figure`] draws it; colours and dashes are in `theme/book.css`.
//!
//! **How a pair shows what differs.** [`source::compare`] finds `<div class="compare">` and the two fences in it,
//! [`differences`] says which lines only one of them has and which are far from those, and [`render::compare`]
//! marks them. Both listings are in the page whole; `theme/` hides what is far, and puts the halves side by side
//! where there is room for both.
//!
//! **How long a page may be.** [`source::length`] counts the words that are read and finds the fences that are
//! seen; [`book`] adds up the lines of what stands there, and refuses what is too long without a reason. What is
//! looked up, in `src/reference/`, has no limit. [`render::lengths`] is what `build --lengths` prints.
//!
//! **Where footnotes are.** mdBook numbers them, and puts them at the very end of the text of a page. So
//! [`render::html`] ends the page with their heading, and what follows them, the colophon, is in `theme/index.hbs`.
//!
//! **How a whole use becomes one file.** A page includes `examples/uses/<topic>.rs` without an anchor.
//! [`paste::Paste`] finds the listings that it calls, and those that they call, and puts them below it as modules.
//! [`render::whole_use`] writes the program and its `[dependencies]`, and how to put the file together from what stands at
//! the end of the page anyway; `theme/book.js` does that for *Copy*. [`render::skeptic`] compiles and runs the same file.
//!
//! **How an exercise is shown.** A page says `{{#exercise name}}`. [`book`] sees that the exercise and its solution end with the
//! same tests, and that they differ above; [`render::exercise`] shows one, and folds the other. The test `exercises` runs both.
//!
//! **Where a new thing goes.**
//!
//! | New | Where |
//! |---|---|
//! | kind of block, like `{{#figure …}}` | read in [`source::page`] (`Wanted`), found in [`book`] (`Shown`), written by [`render::html`] |
//! | check of a page by itself | [`source::page`]; of its HTML, with what [`source::markup`] sees; what a mistake says is a [`problem::Problem`] made there |
//! | element that holds blocks, like a pair | read in a file of its own beside [`source::compare`], by the places of its blocks; written beside [`render::compare`] |
//! | check of how pages refer to each other | [`book`], which also sees that ids are unique |
//! | trait that is imported for its methods | the table in [`source::traits`] |
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
pub mod differences;
pub mod imports;
pub mod layout;
pub mod live;
pub mod mdbook;
pub mod paste;
pub mod problem;
pub mod record;
pub mod render;
pub mod root;
pub mod serve;
pub mod source;
pub mod text;
