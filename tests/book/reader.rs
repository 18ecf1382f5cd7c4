//! A reader copies the listings of a page into a fresh package, with the dependencies that the page names, and each
//! whole use into a package of its own, with those that stand beside it.
//!
//! What the page shows is what is built here: its `[dependencies]` and its whole files, as rendered, a package for
//! each page. Pages of one pattern turn on the same features, so they are checked by one call of cargo; pages of
//! another would lend them theirs, and so would uses that stop the clock. What was good is not built again until it
//! changes. What is behind a feature that is not on by default is built by the tests that CI asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::process::Command;

use book::book::BookPage;
use book::layout::{Place, html_path};
use book::paste::Paste;
use book::source::listing::Listing;
use book_tests::{Rendered, pasted, root, selector, the_book};
use scraper::Html;

/// The files of a package, by path.
pub(crate) type Files = BTreeMap<String, String>;

#[test]
fn the_listings_of_each_page_build_with_what_it_names_and_nothing_else() {
    check_listings(false);
}

#[test]
#[ignore = "compiles what a feature brings: CI asks for it"]
fn the_listings_behind_a_feature_build_with_what_the_page_names_and_nothing_else() {
    check_listings(true);
}

/// Checks the pages that show something behind a feature, or all others.
fn check_listings(behind: bool) {
    let mut workspaces: BTreeMap<BTreeSet<&str>, Files> = BTreeMap::new();
    let pages = the_book().pages.iter().filter(|page| {
        listings(page).count() > 0
            && listings(page).any(|it| it.file.behind.is_some()) == behind
    });
    for page in pages {
        let patterns = listings(page).map(|file| file.file.topic.pattern.as_str());
        workspaces.entry(patterns.collect()).or_default().append(&mut package(page));
    }
    let failed = workspaces.iter().filter_map(|(patterns, files)| {
        let name = patterns.iter().copied().collect::<Vec<_>>().join("+");
        let of_feature = if behind { "+behind" } else { "" };
        check(&format!("{name}{of_feature}"), files).err()
    });
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn each_use_builds_as_it_is_copied_and_without_a_warning() {
    check_uses(false);
}

#[test]
#[ignore = "compiles what a feature brings: CI asks for it"]
fn each_use_behind_a_feature_builds_as_it_is_copied_and_without_a_warning() {
    check_uses(true);
}

/// Checks the uses that are behind a feature, or all others.
fn check_uses(behind: bool) {
    let mut workspaces: BTreeMap<String, Files> = BTreeMap::new();
    for page in &the_book().pages {
        let html = || Rendered::book().page(&html_path(&page.page.file));
        for paste in page.uses().filter(|paste| paste.is_behind() == behind) {
            let patterns = paste.all().map(|it| it.file.topic.pattern.as_str());
            let patterns = patterns.collect::<BTreeSet<_>>();
            let patterns: Vec<_> = patterns.into_iter().collect();
            let clock = if paste.pauses() { "+paused" } else { "" };
            let of_feature = if behind { "+behind" } else { "" };
            let name = format!("{}+uses{clock}{of_feature}", patterns.join("+"));
            workspaces.entry(name).or_default().append(&mut program(&html(), paste));
        }
    }
    assert!(!workspaces.is_empty());
    let failed = workspaces.iter().filter_map(|(name, files)| check(name, files).err());
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// What a reader copies of a whole use, as a package.
fn program(page: &Html, paste: &Paste) -> Files {
    let id = paste.program.file.use_id();
    let main = pasted(page, &id);
    assert_eq!(main, paste.text(), "what skeptic compiles is what is copied");
    let toml = selector(&format!("#{id} .needs code.language-toml"));
    let toml: String = page.select(&toml).flat_map(|code| code.text()).collect();
    let manifest = format!(
        "[package]\nname = \"{id}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{toml}"
    );
    Files::from([
        (format!("{id}/Cargo.toml"), manifest),
        (format!("{id}/src/main.rs"), main),
    ])
}

/// The files that go into a package of a reader; the steps of a use go into its program.
fn listings(page: &BookPage) -> impl Iterator<Item = &Listing> {
    let files = page.files.iter().map(|it| &**it);
    files.filter(|it| it.file.place != Place::Use)
}

/// What a reader copies from a page, as a package.
fn package(page: &BookPage) -> Files {
    let name = html_path(&page.page.file);
    let html = Rendered::book().page(&name);
    let text = |css: &str| -> String {
        let found = html.select(&selector(css)).next();
        found.unwrap_or_else(|| panic!("{name} has no {css}")).text().collect()
    };
    // Where the list below the first program says all, the page does not end with one.
    let at_the_end = ".dependencies code.language-toml";
    let needs = match html.select(&selector(at_the_end)).next() {
        Some(_) => at_the_end,
        None => ".use .needs code.language-toml",
    };
    let folder = name.trim_end_matches(".html").replace('/', "-");
    let mut manifest = format!(
        "[package]\nname = \"{folder}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{}\n",
        text(needs)
    );
    // The book's own crates are in no registry: the page says to copy their files.
    let crates = listings(page).flat_map(|file| file.crates.iter().cloned()).collect();
    for own in the_book().manifest.own(&crates) {
        let path = root().join("listings").join(own);
        let _ = writeln!(manifest, "{own} = {{ path = '{}' }}", path.display());
    }
    let (mut files, mut modules) = (Files::new(), String::new());
    for file in listings(page) {
        let kind = if file.file.place == Place::Program { "program_" } else { "" };
        let module = format!("{kind}{}", file.file.topic.module());
        let whole = text(&format!("#{} code.rust", file.file.whole_id()));
        files.insert(format!("{folder}/src/{module}.rs"), whole);
        let _ = writeln!(modules, "pub mod {module};");
    }
    files.insert(format!("{folder}/Cargo.toml"), manifest);
    files.insert(format!("{folder}/src/lib.rs"), modules);
    files
}

/// Checks the packages of a workspace, unless they were good before and nothing has changed.
pub(crate) fn check(name: &str, packages: &Files) -> Result<(), String> {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reader");
    let mut files = packages.clone();
    files.insert(
        "Cargo.toml".into(),
        "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\nexclude = [\"target\"]\n"
            .into(),
    );
    // The versions that the book was verified with, so that nothing has to be fetched.
    let lock =
        fs::read_to_string(root().join("Cargo.lock")).map_err(|it| it.to_string())?;
    files.insert("Cargo.lock".into(), lock);
    let mut hasher = DefaultHasher::new();
    (&files, own_sources()).hash(&mut hasher);
    let content = format!("{:016x}", hasher.finish());
    let here = all.join(name);
    if fs::read_to_string(here.join("good")).is_ok_and(|good| good == content) {
        return Ok(());
    }
    for (path, text) in &files {
        write(&here.join(path), text).map_err(|error| error.to_string())?;
    }
    let output = Command::new(env!("CARGO"))
        .args(["check", "--workspace", "--offline", "--quiet", "--target-dir"])
        .arg(all.join("target"))
        .current_dir(&here)
        .env_remove("RUSTFLAGS")
        .output()
        .map_err(|error| error.to_string())?;
    let warns = name.contains("+uses") && !output.stderr.is_empty();
    if warns || !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    write(&here.join("good"), &content).map_err(|error| error.to_string())
}

/// Leaves a file as it is that says this already, so that cargo finds it unchanged.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, text)
}

/// What the book's own crates say, for those whose packages depend on them.
fn own_sources() -> Vec<String> {
    let listings = root().join("listings");
    let files = book_tests::files(&listings).into_iter();
    let sources = files.filter(|file| file.iter().nth(1).is_some_and(|it| it == "src"));
    sources
        .map(|file| fs::read_to_string(listings.join(file)).unwrap_or_default())
        .collect()
}
