//! The program of the seven lessons, run with stacks of another size; and what its page says of Tokio.

use std::sync::{Arc, Mutex};

use backend::recording::run_program;
use tokio::runtime::Builder;
use tokio::task::yield_now;

/// What the program prints, what it says on stderr, and whether it succeeds.
fn run(mebibytes: &str) -> (String, String, bool) {
    let output = run_program("tokio_features", &[mebibytes])
        .unwrap_or_else(|error| panic!("{error}"));
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    (
        text(output.stdout).replace("\r\n", "\n"),
        text(output.stderr),
        output.status.success(),
    )
}

#[test]
fn the_program_says_what_is_recorded_with_its_own_stacks() {
    let recorded = include_str!("../examples/tokio_features.out").to_owned();
    assert_eq!(run("16"), (recorded, String::new(), true));
}

#[test]
#[cfg(unix)]
fn with_the_usual_stacks_of_2_mib_the_program_is_ended_by_the_system() {
    let (printed, said, success) = run("2");
    assert!(!success);
    assert!(!printed.contains("configuration"), "{printed}");
    assert!(said.contains("has overflowed its stack"), "{said}");
}

#[test]
fn a_size_that_is_no_number_is_an_error() {
    let (printed, said, success) = run("large");
    assert_eq!((&*printed, success), ("", false));
    assert!(said.contains("InvalidDigit"), "{said}");
}

#[test]
fn tasks_that_yield_come_back_in_the_opposite_order() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let tasks = [1, 2, 3].map(|task| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for _ in 0..2 {
                    yield_now().await;
                    log.lock().unwrap().push(task);
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(*log.lock().unwrap(), [3, 2, 1, 1, 2, 3]);
}
