//! Hands skeptic the pages of the book, expanded: of each page, the files that it shows, whole.
//!
//! A mistake in the book does not stop the build: it is written down, and the test `the_book_builds` fails
//! with it while all others run.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for source in ["src", "listings", "book.toml", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={}", root.join(source).display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let (pages, mistake) = match book::build::for_skeptic(&root) {
        Ok(pages) => (pages, String::new()),
        Err(error) => (Vec::new(), format!("{error:#}")),
    };
    write_if_changed(&out.join("mistake.txt"), &mistake)?;
    let mut files = Vec::new();
    for (path, text) in pages {
        // skeptic names its tests after the file: the whole path keeps them apart, and `page_` keeps a
        // digit from the start.
        let name = path
            .with_extension("")
            .display()
            .to_string()
            .replace(['/', '\\', '-'], "_");
        let file = out.join(format!("page_{name}.md"));
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
