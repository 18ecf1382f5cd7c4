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
    let root = book_tests::root();
    let report = book::build::report(&root).unwrap();
    let files: std::collections::BTreeSet<_> = report
        .anchors
        .iter()
        .map(|(file, _)| file.as_str())
        .filter(|file| !file.starts_with("listings/refused/"))
        .collect();
    let generated = include_str!(concat!(env!("OUT_DIR"), "/skeptic-tests.rs"));
    assert!(!files.is_empty());
    assert_eq!(
        generated.matches("#[test] fn page_").count(),
        files.len(),
        "for {files:?}"
    );
}
