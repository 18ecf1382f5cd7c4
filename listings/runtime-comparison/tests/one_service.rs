//! The program of one service, and what its four runtimes say.

use std::collections::BTreeSet;

use backend::recording::run_program;

/// What the program prints for each runtime, without its name.
fn replies() -> Vec<Vec<String>> {
    let output =
        run_program("one_service", &[]).unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("the program prints UTF-8");
    let lines: Vec<_> = text.lines().collect();
    let runtimes = lines.chunks(5);
    runtimes
        .map(|lines| lines[1..].iter().map(|line| line.trim().to_owned()).collect())
        .collect()
}

#[test]
fn four_runtimes_give_their_customers_the_same_replies() {
    let replies = replies();
    assert_eq!(replies.len(), 4);
    let expected = [
        "2 4 6 8 10",
        "error: an order has numbers only: invalid digit found in string",
        "error: the line is longer than 32 bytes",
        "error: it took too long",
    ];
    let expected = expected.map(str::to_owned).to_vec();
    assert_eq!(BTreeSet::from_iter(replies), BTreeSet::from([expected]));
}
