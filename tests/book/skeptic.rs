//! skeptic: each listing that a page shows compiles alone in edition 2021, and each program runs.

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
    let files: usize =
        book_tests::the_book().pages.iter().map(|page| page.files.len()).sum();
    let generated = include_str!(concat!(env!("OUT_DIR"), "/skeptic-tests.rs"));
    assert!(files > 0);
    assert_eq!(generated.matches("#[test] fn page_").count(), files);
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
