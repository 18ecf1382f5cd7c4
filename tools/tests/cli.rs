//! The program as its user meets it: what it prints, and how it exits.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn book(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_book"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// The small book of the tests, with one page, which says `text`.
fn small_book(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new("../tests/small-book"), folder.path());
    fs::remove_dir_all(folder.path().join("src/some-pattern")).unwrap();
    let write =
        |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
    write("src/SUMMARY.md", "# Summary\n\n- [Home](index.md)\n");
    write("src/index.md", text);
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) =
            (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn build_says_where_to_and_how_long_it_took() {
    let small = small_book("# Home\n");
    // In a folder below: the tool finds the book upwards.
    let output = book(&small.path().join("src"), &["build", "--dest", "../out"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.starts_with("Built ") && printed.trim_end().ends_with(" ms"),
        "{printed}"
    );
    assert!(small.path().join("out/index.html").is_file());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn build_says_how_long_the_pages_are() {
    let output =
        book(small_book("# Home\n\nTwo words.\n").path(), &["build", "--lengths"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("\n    3     0  src/index.md\n"), "{printed}");
    assert!(printed.contains("Built "), "{printed}");
}

#[test]
fn a_mistake_in_the_book_is_told_and_fails() {
    let small = small_book("# Home\n\n```rust\nfn f() {}\n```\n");
    let output = book(small.path(), &["build"]);
    assert!(!output.status.success());
    let error = stderr(&output);
    assert!(
        error.starts_with("error: src/index.md:3: ") && error.contains("help: "),
        "{error}"
    );
    assert!(!small.path().join("book").exists(), "nothing was built");
}

#[test]
fn outside_a_book_it_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let output = book(folder.path(), &["build"]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("no book.toml in "), "{}", stderr(&output));
}

#[test]
fn a_recording_that_does_not_exist_is_refused() {
    let output = book(small_book("# Home\n").path(), &["record", "nothing"]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("no recording `nothing`"), "{}", stderr(&output));
}

#[test]
fn help_names_the_commands_and_their_options() {
    let output = book(Path::new("."), &["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["build", "record", "--port", "--open", "[default: 3000]"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
}

#[test]
fn as_a_preprocessor_it_answers_what_mdbook_asks() {
    let output = book(Path::new("."), &["preprocess", "supports", "html"]);
    assert!(output.status.success());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_server_at_once_and_leaves_nothing() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        ends_with(signal);
    }
}

#[cfg(unix)]
fn ends_with(signal: &str) {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let (small, temporary) = (small_book("# Home\n"), tempfile::tempdir().unwrap());
    let mut server = Command::new(env!("CARGO_BIN_EXE_book"))
        .args(["--port", "0"])
        .current_dir(small.path())
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    assert!(line.contains("http://127.0.0.1:"), "{line}");

    // A reader that stays connected does not keep the server alive.
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let mut reader = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut reader, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    reader.read_exact(&mut [0; 12]).unwrap();

    let server_id = server.id().to_string();
    Command::new("kill").args([signal, &server_id]).status().unwrap();
    assert!(server.wait().unwrap().success());
    assert_eq!(
        fs::read_dir(temporary.path()).unwrap().count(),
        0,
        "a temporary folder is left"
    );
}

#[test]
fn a_preprocessor_says_no_to_a_renderer_that_it_does_not_know() {
    let output = book(Path::new("."), &["preprocess", "supports", "epub"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "");
}

#[test]
fn what_another_mdbook_writes_is_told_with_what_to_do() {
    use std::io::Write as _;
    use std::process::Stdio;

    let mut preprocessor = Command::new(env!("CARGO_BIN_EXE_book"))
        .arg("preprocess")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = br#"[{"root": ".", "mdbook_version": "0.4.40"}, {"sections": []}]"#;
    preprocessor.stdin.take().unwrap().write_all(input).unwrap();
    let output = preprocessor.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(stderr(&output).contains("help: use mdBook 0.5"), "{}", stderr(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_told() {
    let small = small_book("# Home\n");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_book"))
        .args(["build"])
        .current_dir(small.path())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).starts_with("error: No space left"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn a_reader_that_went_away_is_no_panic() {
    use std::process::Stdio;

    let small = small_book("# Home\n");
    let mut build = Command::new(env!("CARGO_BIN_EXE_book"))
        .args(["build"])
        .current_dir(small.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(build.stdout.take());
    let output = build.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), String::new()));
    assert!(small.path().join("book/index.html").is_file());
}
