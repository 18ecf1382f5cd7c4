//! A book that follows edits is the book that a build makes of the same sources, byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use book::live::{Change, Live};
use book::mdbook::build_for_serving;
use book::source::Cache;
use book_tests::{LISTING, PAGE, SmallBook, files};
use proptest::prelude::*;

/// What somebody does to the small book.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Word(u8),
    Heading(u8),
    Home(u8),
    Code(u8),
    Proof,
    Contents,
    Theme(u8),
    Mistake,
    Nothing,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => any::<u8>().prop_map(Edit::Word),
        1 => any::<u8>().prop_map(Edit::Heading),
        2 => any::<u8>().prop_map(Edit::Home),
        2 => any::<u8>().prop_map(Edit::Code),
        1 => Just(Edit::Proof),
        1 => Just(Edit::Contents),
        1 => any::<u8>().prop_map(Edit::Theme),
        1 => Just(Edit::Mistake),
        1 => Just(Edit::Nothing),
    ]
}

const SUMMARY: &str = "src/SUMMARY.md";
const MISTAKE: &str = "\n\n[nowhere](nowhere.md)\n";

fn apply(small: &SmallBook, edit: Edit) {
    let add = |file: &str, text: &str| small.write(file, &(small.read(file) + text));
    match edit {
        Edit::Word(n) => add(PAGE, &format!("\nWord {n}.\n")),
        Edit::Heading(n) => add(PAGE, &format!("\n## Heading {n}\n\nWords.\n")),
        Edit::Home(n) => add("src/index.md", &format!("\nWord {n}. <b>So.</b>\n")),
        Edit::Code(n) => {
            let code = small.read(LISTING);
            small.write(
                LISTING,
                &code.replace("    42", &format!("    // {n}\n    42")),
            );
        }
        Edit::Proof => add(PAGE, "\nIt is right. [✓](proof:it_is_right)\n"),
        Edit::Contents => {
            let summary = small.read(SUMMARY);
            small.write(SUMMARY, &summary.replace('[', "[More "));
        }
        Edit::Theme(n) => {
            let old = small.read("theme/index.hbs");
            small.write("theme/index.hbs", &format!("<!-- {n} -->{old}"));
        }
        Edit::Mistake => add(PAGE, MISTAKE),
        Edit::Nothing => {}
    }
}

fn all(html: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |file: &Path| fs::read(html.join(file)).unwrap();
    files(html).iter().map(|it| (it.display().to_string(), read(it))).collect()
}

fn is_as_built(live: &Live, small: &SmallBook) {
    for name in Live::ON_DEMAND {
        live.on_demand(name).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let built =
        build_for_serving(small.root(), folder.path(), &mut Cache::default()).unwrap();
    let (mut live, mut built) = (all(live.html()), all(&built.html));
    // mdBook's own style for print, and its own frame of contents, which links to it: no page loads them.
    for files in [&mut live, &mut built] {
        files.retain(|name, _| !name.starts_with("css/print") && name != "toc.html");
    }
    assert_eq!(
        live.keys().collect::<Vec<_>>(),
        built.keys().collect::<Vec<_>>(),
        "the same files"
    );
    for (name, bytes) in &live {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            *bytes == built[name],
            "{name}:\n{}\n{}",
            text(bytes),
            text(&built[name])
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn after_any_edits_it_is_what_a_build_makes(edits in prop::collection::vec(edit(), 1..6)) {
        let small = SmallBook::in_the_theme();
        let mut live = Live::build(small.root()).unwrap();
        for edit in edits {
            apply(&small, edit);
            let followed = live.follow();
            if small.read(PAGE).contains(MISTAKE) {
                assert!(followed.unwrap_err().to_string().contains("nowhere.md"));
                small.write(PAGE, &small.read(PAGE).replace(MISTAKE, ""));
                live.follow().unwrap();
            } else {
                followed.unwrap();
            }
            is_as_built(&live, &small);
        }
    }
}

#[test]
fn an_edit_renders_the_pages_that_it_changes_and_no_other() {
    let small = SmallBook::in_the_theme();
    let mut live = Live::build(small.root()).unwrap();
    let pages = |names: &[&str]| {
        Change::Pages(names.iter().map(|it| (*it).to_owned()).collect())
    };
    assert_eq!(live.follow().unwrap(), pages(&[]));
    apply(&small, Edit::Word(1));
    assert_eq!(live.follow().unwrap(), pages(&["some-pattern/a-topic.html"]));
    apply(&small, Edit::Home(1));
    assert_eq!(live.follow().unwrap(), pages(&["index.html"]));
    apply(&small, Edit::Code(1));
    assert_eq!(live.follow().unwrap(), pages(&["some-pattern/a-topic.html"]));
    apply(&small, Edit::Contents);
    assert_eq!(live.follow().unwrap(), Change::All);
}

#[test]
fn after_a_mistake_the_last_good_book_stays() {
    let small = SmallBook::in_the_theme();
    let mut live = Live::build(small.root()).unwrap();
    let before = all(live.html());
    apply(&small, Edit::Mistake);
    live.follow().unwrap_err();
    assert!(all(live.html()) == before);
}

#[test]
fn with_a_theme_of_mdbook_every_edit_builds_all() {
    let small = SmallBook::default();
    let mut live = Live::build(small.root()).unwrap();
    apply(&small, Edit::Word(1));
    assert_eq!(live.follow().unwrap(), Change::All);
    is_as_built(&live, &small);
}
