//! skeptic: each listing that a page shows compiles in edition 2021, alone or below the use that calls it, and each
//! program and use runs.

use std::sync::Arc;

use book::layout::Place;
use book::paste::Paste;
use book::render::skeptic::{alone, uses as compiled};
use book::source::listing::Listing;
use book_tests::{PAGE, SmallBook};

const ROOT: &str = "listings/some-pattern/src/lib.rs";

#[expect(clippy::pedantic, reason = "skeptic writes it")]
mod pages {
    include!(concat!(env!("OUT_DIR"), "/skeptic-tests.rs"));
}

/// The build script could not expand the book, so skeptic had nothing to compile.
#[test]
fn the_book_builds() {
    let mistake = include_str!(concat!(env!("OUT_DIR"), "/mistake.txt"));
    assert!(mistake.is_empty(), "{mistake}");
}

/// An empty list of blocks would be green for ever.
#[test]
fn skeptic_compiles_every_listing_that_pages_show() {
    let pages = || book_tests::the_book().pages.iter();
    let uses = pages().flat_map(compiled).count();
    let files = pages().flat_map(alone).count();
    let generated = include_str!(concat!(env!("OUT_DIR"), "/skeptic-tests.rs"));
    assert!(files > 0 && uses > 0);
    assert_eq!(generated.matches("#[test] fn page_").count(), uses + files);
    for page in pages() {
        let pasted: Vec<_> = compiled(page).flat_map(Paste::all).collect();
        let is_in = |file: &Arc<Listing>, files: &[&Arc<Listing>]| {
            files.iter().any(|it| it.file == file.file)
        };
        let alone: Vec<_> = alone(page).collect();
        for file in page.files.iter().filter(|it| it.file.place != Place::Use) {
            let path = &file.file.path;
            let is_compiled = is_in(file, &pasted) || is_in(file, &alone);
            assert_eq!(is_compiled, file.file.behind.is_none(), "{path}");
            assert!(!(is_in(file, &pasted) && is_in(file, &alone)), "{path}");
        }
    }
}

#[test]
fn skeptic_compiles_nothing_that_is_behind_a_feature() {
    let small = SmallBook::default();
    let counts = |small: &SmallBook| {
        let book = book_tests::read(small.root());
        let page = book.pages.iter().find(|it| it.page.file == PAGE);
        let page = page.expect("the page");
        (compiled(page).count(), alone(page).count())
    };
    let (uses, files) = counts(&small);
    assert!(uses > 0);
    small.write(ROOT, "#[cfg(feature = \"some\")]\npub mod a_topic;\n");
    assert_eq!(counts(&small), (0, files), "its use calls it");
}

/// Two clones may share a target folder, and cargo goes by the age of files.
#[test]
fn skeptic_compiled_the_pages_of_this_book() {
    for (name, text) in book::render::skeptic::pages(book_tests::the_book()) {
        let compiled = std::path::Path::new(env!("OUT_DIR")).join(&name);
        let compiled = std::fs::read_to_string(compiled).unwrap_or_default();
        assert!(compiled == text, "{name} is of another clone: `touch tests/build.rs`");
    }
}
