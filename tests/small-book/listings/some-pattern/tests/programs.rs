#[test]
fn a_topic() {
    check_use("a_topic").unwrap();
}
