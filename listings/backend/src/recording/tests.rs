use super::*;

#[cfg(unix)]
#[test]
fn a_program_that_does_not_end_is_killed() {
    let shell = |script: &str, longest| {
        run(Command::new("sh").args(["-c", script]), longest).unwrap()
    };
    // It fills both pipes, and then waits for ever.
    let fills = "head -c 200000 /dev/zero; head -c 200000 /dev/zero 1>&2";
    let hangs = format!("{fills}; exec sleep 3600");
    assert!(shell(&hangs, Duration::from_millis(300)).is_none());
    let output = shell(fills, LONGEST).unwrap();
    assert!(output.status.success());
    assert_eq!((output.stdout.len(), output.stderr.len()), (200_000, 200_000));
}

#[test]
fn a_run_that_differs_is_refused_with_its_line() {
    let folder = env::temp_dir().join(format!("recording-{}", std::process::id()));
    let path = folder.join("a.out");
    write(&path, "one\ntwo\n").unwrap();
    compare(&path, "one\ntwo\n").unwrap();
    let error = compare(&path, "one\nthree\n").unwrap_err();
    assert!(matches!(error, RecordingError::Differs { line: 2, .. }), "{error}");
    fs::remove_dir_all(&folder).unwrap();
    let error = compare(&path, "one\n").unwrap_err();
    assert!(matches!(error, RecordingError::Io { .. }), "{error}");
}
