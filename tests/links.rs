//! Every link inside the rendered book leads somewhere, and every id stands once.

use book_tests::links::problems;
use book_tests::{Rendered, SmallBook};

#[test]
fn every_link_of_the_book_leads_somewhere() {
    let problems = problems(Rendered::book());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    for (link, problem) in [
        ("some-pattern/nowhere.html", "no such file"),
        ("some-pattern/a-topic.md#nothing", "no such id"),
        ("../../outside.html", "out of the book"),
    ] {
        let small = SmallBook::default();
        let small = small.with(
            "src/index.md",
            "some-pattern/a-topic.md#what-it-promises",
            link,
        );
        let found = problems(&Rendered::of(small.root()));
        assert!(found.iter().any(|found| found.contains(problem)), "{link}: {found:?}");
    }
    assert_eq!(
        problems(&Rendered::of(SmallBook::default().root())),
        Vec::<String>::new()
    );
}

#[test]
fn an_id_that_stands_twice_is_found() {
    let small = SmallBook::default();
    small.write("src/index.md", "# Home\n\n<b id=\"x\">a</b> <b id=\"x\">b</b>\n");
    let found = problems(&Rendered::of(small.root()));
    assert!(found.iter().any(|found| found.contains("x stands twice")), "{found:?}");
}
