//! Every link inside the rendered book leads somewhere, and every id stands once.

use book_tests::Rendered;
use book_tests::links::problems;

#[test]
fn every_link_of_the_book_leads_somewhere() {
    let problems = problems(Rendered::book());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Pages as files, as mdBook would leave them.
fn pages(index: &str) -> Rendered {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), index).unwrap();
    std::fs::write(folder.path().join("other.html"), "<h1 id=\"there\">x</h1>")
        .unwrap();
    Rendered::read(folder.path())
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    for (link, problem) in [
        ("nowhere.html", Some("no such file")),
        ("other.html#nothing", Some("no such id")),
        ("../outside.html", Some("out of the book")),
        ("other.html#there", None),
        ("https://example.org", None),
    ] {
        let found = problems(&pages(&format!("<a href=\"{link}\">x</a>")));
        match problem {
            None => assert_eq!(found, Vec::<String>::new(), "{link}"),
            Some(problem) => assert!(found[0].contains(problem), "{link}: {found:?}"),
        }
    }
}

#[test]
fn an_id_that_stands_twice_is_found() {
    let found = problems(&pages("<b id=\"x\">a</b> <b id=\"x\">b</b>"));
    assert!(found[0].contains("x stands twice"), "{found:?}");
}
