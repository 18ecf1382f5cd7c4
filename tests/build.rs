//! Hands skeptic the pages of the book: of each page, the files that it shows, whole.
//!
//! A mistake in the book does not stop the build: it is written down, and the test `the_book_builds` fails
//! with it while all others run.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use book::book::Book;
use book::render::skeptic::pages;
use book::source::Cache;

fn main() -> io::Result<()> {
    // Asked when it is run: clones may share what was compiled.
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = package.join("..");
    for source in ["src", "listings", "book.toml", "Cargo.toml", "Cargo.lock"] {
        // From this clone, and from the one that skeptic's tests were made in: it may be gone.
        println!("cargo:rerun-if-changed=../{source}");
        println!("cargo:rerun-if-changed={}", root.join(source).display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let book = Book::read(&root, &mut Cache::default());
    let mistake = book.as_ref().err().map(ToString::to_string).unwrap_or_default();
    write_if_changed(&out.join("mistake.txt"), &mistake)?;
    let mut files = Vec::new();
    for (name, text) in book.iter().flat_map(pages) {
        let file = out.join(name);
        write_if_changed(&file, &text)?;
        files.push(file);
    }
    if files.is_empty() {
        return write_if_changed(&out.join("skeptic-tests.rs"), "");
    }
    skeptic::generate_doc_tests(&files);
    Ok(())
}

fn write_if_changed(file: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(file).is_ok_and(|old| old == text) {
        Ok(())
    } else {
        fs::write(file, text)
    }
}
