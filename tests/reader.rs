//! A reader copies one listing into a fresh package, with the dependencies that its page names.

use std::fs;
use std::path::Path;
use std::process::Command;

use book_tests::{Rendered, root, selector};

/// A page whose listing needs crates from the registry only.
const PAGE: &str = "future-composition/bounded-concurrency.html";

#[test]
fn a_listing_builds_with_what_its_page_names_and_nothing_else() {
    let root = root();
    let rendered = Rendered::book();
    let page = rendered.page(PAGE);
    let text = |css: &str| -> String {
        let found = page.select(&selector(css)).next();
        found.unwrap_or_else(|| panic!("{PAGE} has no {css}")).text().collect()
    };
    let dependencies = text(".dependencies code.language-toml");
    let listing = text("details.whole code.rust");

    // Below target/, so that the crates are checked once and not at each run.
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reader");
    let manifest = format!(
        "[package]\nname = \"reader\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{dependencies}\n[workspace]\n"
    );
    fs::create_dir_all(package.join("src")).unwrap();
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(package.join("src/lib.rs"), listing).unwrap();
    // The versions that the book was verified with, so that nothing has to be fetched.
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--target-dir", "target"])
        .current_dir(&package)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
