use super::*;

#[test]
fn a_use_is_found_by_its_name_and_no_other_runs() {
    let uses: [Use; 2] =
        [("a_topic", || ExitCode::SUCCESS), ("other", || ExitCode::from(7))];
    let ends = |name: &str| named(&uses, name).map(|run| format!("{:?}", run()));
    let success = format!("{:?}", ExitCode::SUCCESS);
    assert_eq!(ends("a_topic"), Some(success.clone()));
    assert_eq!(ends("a-topic"), Some(success));
    assert_eq!(ends("other"), Some(format!("{:?}", ExitCode::from(7))));
    assert_eq!([ends("topic"), ends("")], [None, None]);
}
