//! The library of the page is a package of its own here: what does it bring with it?

use std::fs;
use std::path::Path;
use std::process::Command;

/// The listing without its wrong versions, which are of Tokio.
fn library() -> &'static str {
    let listing = include_str!("../src/no_runtime.rs");
    let wrong = listing.find("/// What a library does that only Tokio can run");
    &listing[..wrong.expect("the listing has wrong versions")]
}

/// What cargo says in a package that has the library, and these crates: the workspace says
/// of which version, or the line itself.
fn cargo(arguments: &[&str], crates: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut manifest = String::from(
        "[package]\nname = \"library\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n",
    );
    for name in crates {
        let same = |line: &&str| line.starts_with(&format!("{name} ="));
        manifest.push_str(workspace.lines().find(same).unwrap_or(name));
        manifest.push('\n');
    }
    let package = tempfile::tempdir().unwrap();
    let write =
        |path: &str, text: &str| fs::write(package.path().join(path), text).unwrap();
    fs::create_dir(package.path().join("src")).unwrap();
    write("src/lib.rs", library());
    write("Cargo.toml", &manifest);
    // The versions of the book, so that nothing has to be fetched.
    write("Cargo.lock", &fs::read_to_string(root.join("Cargo.lock")).unwrap());
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--offline")
        .current_dir(package.path())
        .env_remove("RUSTFLAGS")
        // What the tests of the book build there is not built again.
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("reader/target"),
        )
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of all packages that the library brings with it.
fn brings(crates: &[&str]) -> Vec<String> {
    let tree = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let tree = cargo(&tree, crates);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn the_library_builds_and_brings_no_runtime() {
    cargo(&["check", "--quiet"], &["futures", "thiserror"]);
    let brings = brings(&["futures", "thiserror"]);
    assert!(brings.iter().any(|name| name == "futures-util"));
    let runtimes = ["tokio", "smol", "async-executor", "async-io", "mio", "pollster"];
    for runtime in runtimes {
        assert!(!brings.iter().any(|name| name == runtime), "{runtime}");
    }
}

#[test]
fn a_package_with_a_runtime_is_found() {
    let brings = brings(&["futures", "smol", "thiserror"]);
    assert!(brings.iter().any(|name| name == "async-io"));
}

#[test]
fn the_channels_of_tokio_alone_bring_one_package_more_than_tokio() {
    let sync =
        "tokio = { version = \"1\", default-features = false, features = [\"sync\"] }";
    assert_eq!(brings(&[sync]), ["library", "tokio", "pin-project-lite"]);
}
