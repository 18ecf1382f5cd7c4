//! An exercise is red until it is mended, and its solution is green.

use std::collections::BTreeMap;
use std::process::Command;

use book::book::Shown;
use book_tests::{shown, the_book};
use serde_json::Value;

use crate::promises::cargo_test;

#[test]
fn each_exercise_is_red_and_its_solution_green() {
    let exercises = shown(the_book()).filter_map(|it| match it {
        Shown::Exercise { task, solution } => {
            Some([task.file.target(), solution.file.target()])
        }
        _ => None,
    });
    let exercises: Vec<_> = exercises.collect();
    assert!(!exercises.is_empty(), "the book has exercises");
    let built = built(exercises.as_flattened());
    for [task, solution] in &exercises {
        let (ended, said) = run(&built[task]);
        assert_eq!(ended, Some(101), "{task}: {said}");
        assert!(said.contains("panicked at"), "{task} ends by an assertion: {said}");
        let (ended, said) = run(&built[solution]);
        assert_eq!(ended, Some(0), "{solution}: {said}");
    }
}

/// How the tests of a program end, and what they print.
fn run(program: &str) -> (Option<i32>, String) {
    let output = Command::new(program).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), said)
}

/// The programs of tests of these names, built as `cargo test` builds, without a warning.
fn built(names: &[String]) -> BTreeMap<String, String> {
    let mut cargo = cargo_test();
    cargo.args(["--workspace", "--no-run", "--message-format=json"]);
    let output =
        cargo.args(names.iter().flat_map(|it| ["--test", it])).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut built = BTreeMap::new();
    for line in lines {
        let said = line["message"]["rendered"].as_str();
        assert_eq!(said, None, "an exercise compiles without a warning");
        let target = line["target"]["name"].as_str().unwrap_or_default();
        if let Some(program) = line["executable"].as_str() {
            built.insert(target.to_owned(), program.to_owned());
        }
    }
    assert!(output.status.success(), "{errors}");
    built
}
