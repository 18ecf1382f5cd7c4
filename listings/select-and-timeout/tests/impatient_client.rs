//! The program of an impatient client, run with an argument: what it prints, and its exit status.

use backend::recording::run_program;

/// What the program prints, what it says on stderr, and its status.
fn run(argument: &str) -> (String, String, Option<i32>) {
    let output = run_program("impatient_client", &[argument])
        .unwrap_or_else(|error| panic!("{error}"));
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    (
        text(output.stdout).replace("\r\n", "\n"),
        text(output.stderr),
        output.status.code(),
    )
}

/// The search of the recorded output that begins with the line `first`: eight lines.
fn recorded(first: &str) -> String {
    let lines = include_str!("../examples/impatient_client.out").lines();
    let search = lines.skip_while(|line| *line != first).take(8);
    search.flat_map(|line| [line, "\n"]).collect()
}

/// What the program says of one airline.
fn line(argument: &str, airline: &str) -> String {
    let (printed, ..) = run(argument);
    let line = printed.lines().find(|line| line.contains(airline));
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn within_1000_ms_there_are_offers_and_the_status_is_0() {
    let expected = (recorded("within 1000 ms:"), String::new(), Some(0));
    assert_eq!(run("1000"), expected);
}

#[test]
fn within_60_ms_there_is_no_offer_and_the_status_is_2() {
    assert_eq!(run("60"), (recorded("within 60 ms:"), String::new(), Some(2)));
}

#[test]
fn within_5_ms_no_airline_is_asked_but_the_one_that_takes_no_deadline() {
    let (printed, said, status) = run("5");
    assert_eq!((&*said, status), ("", Some(2)));
    let not_begun = printed.lines().filter(|line| line.ends_with("it has not begun"));
    assert_eq!(not_begun.count(), 5);
    assert_eq!(
        line("5", "Eagle"),
        "? ms Eagle still running at the deadline, and ended"
    );
}

#[test]
fn a_silent_airline_ends_10_ms_before_each_deadline_and_says_why() {
    let why = "of attempts at attempt 3: no answer within 159ms";
    assert_eq!(line("1000", "Condor"), format!("990 ms Condor out {why}"));
    let why = "of time at attempt 1: no answer within 190ms";
    assert_eq!(line("200", "Condor"), format!("190 ms Condor out {why}"));
}

#[test]
fn a_price_that_is_there_is_kept_though_the_second_attempt_of_another_is_too_late() {
    let (printed, said, status) = run("160");
    assert_eq!((&*said, status), ("", Some(0)));
    assert!(printed.ends_with("160 ms: Albatross for 120 euros; 0 questions run\n"));
    let why = "out of time at attempt 2: no answer within 39ms";
    assert_eq!(line("160", "Bluebird"), format!("150 ms Bluebird {why}"));
}

#[test]
fn with_less_left_than_20_ms_no_second_attempt_is_made() {
    let why = "out of time at attempt 1: the airline is busy";
    assert_eq!(line("135", "Bluebird"), format!("30 ms Bluebird {why}"));
}

#[test]
fn a_limit_that_is_no_number_is_refused_with_status_1() {
    let (printed, said, status) = run("soon");
    assert_eq!((&*printed, status), ("", Some(1)));
    assert!(said.contains("InvalidDigit"), "{said}");
}
