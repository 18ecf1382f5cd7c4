//! A build loses nothing of what stands where it goes.

use std::fs;
use std::path::Path;

use book::mdbook;
use book::source::Cache;
use book_tests::{PAGE, SmallBook, files};
use tempfile::TempDir;

fn build(small: &SmallBook, dest: &Path) -> Result<(), String> {
    let built = mdbook::build(small.root(), Some(dest), &mut Cache::default());
    built.map(|_| ()).map_err(|error| format!("{error:#}"))
}

/// A folder with a built book in it, `out`.
fn built() -> (SmallBook, TempDir) {
    let (small, folder) = (SmallBook::default(), tempfile::tempdir().unwrap());
    build(&small, &folder.path().join("out")).unwrap();
    (small, folder)
}

/// What stands in a folder, with what it says.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = files(folder).into_iter();
    files
        .map(|file| (file.display().to_string(), fs::read(folder.join(file)).unwrap()))
        .collect()
}

fn assert_refused(small: &SmallBook, dest: &Path, what: &str) {
    let before = dest.parent().map(content);
    let error = build(small, dest).unwrap_err();
    assert!(
        error.contains(what) && error.contains("help: "),
        "no `{what}` in: {error}"
    );
    assert!(dest.parent().map(content) == before, "{what}: something is lost or left");
}

#[test]
fn a_book_may_be_built_again_over_the_last_one() {
    let (small, folder) = built();
    let out = folder.path().join("out");
    let before = content(&out);
    build(&small, &out).unwrap();
    assert!(content(&out) == before);
    let small = small.with(PAGE, "It is right", "It is always right");
    build(&small, &out).unwrap();
    assert!(content(&out) != before);
    let beside: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[test]
fn a_folder_with_somebody_elses_file_is_refused() {
    let (small, folder) = (SmallBook::default(), tempfile::tempdir().unwrap());
    let dest = folder.path().join("mine");
    fs::create_dir_all(dest.join("html")).unwrap();
    fs::write(dest.join("html/mine"), "mine").unwrap();
    assert_refused(&small, &dest, "mine, which no build of the book put there");
}

#[test]
fn a_file_put_into_a_built_book_is_not_deleted() {
    let (small, folder) = built();
    let out = folder.path().join("out");
    fs::create_dir_all(out.join("some-pattern/deeper")).unwrap();
    fs::write(out.join("some-pattern/deeper/mine"), "mine").unwrap();
    assert_refused(&small, &out, "mine, which no build of the book put there");
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let (small, folder) = (SmallBook::default(), tempfile::tempdir().unwrap());
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.path().join("out")).unwrap();
    assert_refused(&small, &folder.path().join("out"), "is not a folder");
    let (small, folder) = built();
    let link = folder.path().join("out/link");
    std::os::unix::fs::symlink(small.root(), &link).unwrap();
    let error = build(&small, &folder.path().join("out")).unwrap_err();
    assert!(error.contains("link, which no build"), "{error}");
    assert!(small.root().join(PAGE).is_file());
}

#[test]
fn the_sources_of_the_book_are_no_place_for_it() {
    let small = SmallBook::default();
    let sources = ["src", "src/some-pattern", "listings", "theme", "tools", "tests"];
    for folder in sources {
        assert_refused(&small, &small.root().join(folder), "holds sources of the book");
    }
    let before = content(small.root());
    for dest in [small.root(), small.root().parent().unwrap()] {
        let error = build(&small, dest).unwrap_err();
        assert!(error.contains("holds sources of the book"), "{error}");
    }
    assert!(content(small.root()) == before);
    build(&small, &small.root().join("book")).unwrap();
}

#[test]
fn a_build_that_fails_keeps_the_last_good_book() {
    let (small, folder) = built();
    let out = folder.path().join("out");
    let before = content(&out);
    let with = "[output.html]\nadditional-css = [\"theme/gone.css\"]\n[output.html.playground]";
    let small = small.with("book.toml", "[output.html.playground]", with);
    build(&small, &out).unwrap_err();
    assert!(content(&out) == before);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn what_a_killed_build_left_is_swept() {
    let (small, folder) = built();
    let left = folder.path().join(".book-building-1-0");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("index.html"), "half").unwrap();
    fs::write(folder.path().join(".book-building-1-0.lock"), "out").unwrap();
    build(&small, &folder.path().join("out")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_build_killed_between_two_names_loses_no_book() {
    let (small, folder) = built();
    let (out, old) =
        (folder.path().join("out"), folder.path().join(".book-building-1-0.old"));
    let before = content(&out);
    fs::rename(&out, &old).unwrap();
    fs::write(folder.path().join(".book-building-1-0.lock"), "out").unwrap();
    let small = small.with(PAGE, "`it_is_right`", "`it_is_left`");
    build(&small, &out).unwrap_err();
    // The mistake is found before anything is swept; the next good build puts the old book back first.
    let other = folder.path().join("other");
    let small = small.with(PAGE, "`it_is_left`", "`it_is_right`");
    build(&small, &other).unwrap();
    assert!(content(&out) == before);
}
