//! The book builds, and keeps what it promises about its pages.

use book::book::Shown;
use book::layout::html_path;
use book::source::Cache;
use book_tests::{
    LISTING, PAGE, Rendered, SmallBook, by_id, root, selector, shown, the_book,
};

#[test]
fn the_book_builds_without_a_mistake() {
    the_book();
}

#[test]
fn every_page_links_to_its_source_and_to_a_place_to_report_a_mistake() {
    let rendered = Rendered::book();
    for page in &the_book().pages {
        let file = &page.page.file;
        let name = html_path(file);
        let page = rendered.page(&name);
        let links: Vec<_> = page
            .select(&selector(".colophon a"))
            .filter_map(|link| link.value().attr("href"))
            .collect();
        assert_eq!(links.len(), 2, "{name}: {links:?}");
        assert!(links[0].ends_with(&format!("blob/main/{file}")), "{name}");
        assert!(links[1].contains("/issues/new"), "{name}");
    }
}

#[test]
fn every_listing_and_promise_stands_in_the_rendered_pages() {
    let (book, print) = (the_book(), Rendered::book().page("print.html"));
    let count = |css: &str| print.select(&selector(css)).count();
    let wanted = |of: fn(&Shown) -> bool| shown(book).filter(|it| of(it)).count();
    let tests = wanted(|it| matches!(it, Shown::Test(_)));
    assert_eq!(
        count("figure.listing"),
        wanted(|it| matches!(it, Shown::Listing { .. })) + tests
    );
    assert_eq!(count("figure.drawing"), wanted(|it| matches!(it, Shown::Figure(_))));
    assert_eq!(count("figure.output"), wanted(|it| matches!(it, Shown::Output(_))));
    assert_eq!(count("details.proof") + tests, book.promises.len());
    let marks: usize = book.pages.iter().map(|page| page.proofs.len()).sum();
    assert_eq!(count("a.mark"), marks);
}

#[test]
fn a_reader_sees_a_mark_and_is_told_the_name_of_the_test() {
    let small = SmallBook::default();
    let more =
        "\n## More\n\nIt is right, too. [✓](proof:it_is_right)\n\n## End\n\nWords.\n";
    small.write(PAGE, &format!("{}{more}", small.read(PAGE)));
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let marks: Vec<_> = page.select(&selector("a.mark")).collect();
    assert_eq!(marks.len(), 2, "one in the table, one in the sentence");
    for mark in marks {
        assert_eq!(mark.text().collect::<String>(), "✓");
        assert_eq!(mark.attr("href"), Some("#promise-a-topic-it_is_right"));
        assert_eq!(mark.attr("title"), Some("it is right"));
        assert_eq!(mark.attr("aria-label"), Some("Proof: it is right"));
    }
    let table: String = page
        .select(&selector("table:has(.mark) td"))
        .flat_map(|cell| cell.text())
        .collect();
    assert_eq!(table, "It is right✓");
}

#[test]
fn proofs_stand_folded_at_the_end_of_their_section() {
    let small = SmallBook::default();
    let text = "# What it promises\n\nIt is right. [✓](proof:it_is_right) Is it?\n\nMore words.\n\n## Next\n\nWords.\n";
    small.write(PAGE, text);
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let inside = selector("main > p, main > h2, main > details");
    let order: Vec<_> =
        page.select(&inside).map(|it| it.value().name()).take(5).collect();
    assert_eq!(order, ["p", "p", "details", "h2", "p"]);
    let folds = selector("details.proofs");
    let summary: String = page.select(&folds).next().unwrap().text().take(1).collect();
    assert_eq!(summary, "1 proof");
}

#[test]
fn a_fold_of_promises_says_how_many_they_are() {
    let small = SmallBook::default();
    let table = "| Promise | Proof |\n|---|---|\n| It is right | `it_is_right` |\n| So it is | `it_is_right` |\n";
    let fold = format!("<details class=\"promises\">\n\n{table}\n</details>\n");
    small.write(PAGE, &format!("# What it promises\n\n{fold}"));
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let summary = selector("details.promises > summary");
    let summary: String = page.select(&summary).next().unwrap().text().collect();
    assert_eq!(summary, "All 2 promises, each with its test");
    let rows = selector("details.promises tbody tr");
    assert_eq!(page.select(&rows).count(), 2);
}

#[test]
fn a_test_that_a_page_shows_is_the_proof() {
    let small = SmallBook::default();
    small.write("src/index.md", "# Home\n\nSo:\n\n{{#test a_topic::it_is_right}}\n");
    let rendered = Rendered::of(small.root());
    let id = "promise-a-topic-it_is_right";
    let shown = rendered.page("index.html");
    let code = selector(&format!("figure.test#{id} code.rust"));
    let code: String = shown.select(&code).next().unwrap().text().collect();
    assert!(code.starts_with("#[test]\nfn it_is_right() {"), "{code}");
    let page = rendered.page("some-pattern/a-topic.html");
    let mark = page.select(&selector("a.mark")).next().unwrap();
    assert_eq!(mark.attr("href"), Some(format!("../index.html#{id}").as_str()));
    assert_eq!(page.select(&selector("details.proof")).count(), 0);
}

#[test]
fn nothing_of_mdbooks_syntax_is_left_in_a_page() {
    for (name, page) in Rendered::book().pages() {
        let text: String = page.root_element().text().collect();
        assert!(!text.contains("{{#"), "{name}");
    }
}

#[test]
fn a_listing_is_shown_as_it_stands_in_its_file() {
    let small = SmallBook::default();
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let code = page.select(&selector("#listing-a-topic-an_idea code.rust")).next();
    let code: String = code.unwrap().text().collect();
    assert_eq!(code.trim_end(), "pub fn idea() -> u32 {\n    42\n}");
}

#[test]
fn every_listing_shown_is_part_of_its_file() {
    let root = root();
    let print = Rendered::book().page("print.html");
    let (print, code) = (by_id(&print), selector("code.rust"));
    let plain = |code: &str| code.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    for part in shown(the_book()) {
        let Shown::Listing { listing, anchor } = part else { continue };
        let path = &listing.file.path;
        let file = std::fs::read_to_string(root.join(path)).unwrap();
        let file: Vec<_> =
            file.lines().filter(|line| !line.contains("// ANCHOR")).collect();
        let shown = print.get(&*listing.file.listing_id(anchor));
        let shown = shown.and_then(|listing| listing.select(&code).next());
        let shown: String =
            shown.unwrap_or_else(|| panic!("{path}:{anchor}")).text().collect();
        assert!(
            plain(&file.join("\n")).contains(plain(&shown).trim_end()),
            "{path}:{anchor}"
        );
    }
}

#[test]
fn a_wrong_listing_says_so_in_words() {
    let small = SmallBook::default()
        .with(PAGE, "an_idea}}", "wrong}}")
        .with(
            LISTING,
            "#[cfg(test)]",
            "pub mod naive {\n    // ANCHOR: wrong\n    pub fn wrong() {}\n    // ANCHOR_END: wrong\n}\n\n#[cfg(test)]",
        );
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let verdict = page.select(&selector("figure.wrong .verdict")).next().unwrap();
    assert!(verdict.text().any(|text| text.contains("Wrong")));
}

#[test]
fn windows_line_ends_give_the_same_page() {
    let small = SmallBook::default();
    let before = Rendered::of(small.root());
    for file in [PAGE, LISTING] {
        let text = small.read(file).replace('\n', "\r\n");
        small.write(file, &text);
    }
    let after = Rendered::of(small.root());
    let name = "some-pattern/a-topic.html";
    assert_eq!(before.page(name).html(), after.page(name).html());
}

#[test]
fn a_proof_stands_on_the_page_of_its_topic_whoever_names_it_first() {
    let small = SmallBook::default();
    let table = "\n\n| Promise | Proof |\n|---|---|\n| It is right | `a_topic::it_is_right` |\n";
    small.write("src/index.md", &format!("# Home{table}"));
    let rendered = Rendered::of(small.root());
    let id = "promise-a-topic-it_is_right";
    let proof = selector(&format!("details.proof #{id}"));
    assert_eq!(rendered.page("index.html").select(&proof).count(), 0);
    assert_eq!(rendered.page("some-pattern/a-topic.html").select(&proof).count(), 1);
    let link = selector(&format!("a[href='some-pattern/a-topic.html#{id}']"));
    assert_eq!(rendered.page("index.html").select(&link).count(), 1);
}

#[test]
fn each_file_is_parsed_once_and_what_did_not_change_not_again() {
    let (small, mut cache) = (SmallBook::default(), Cache::default());
    let folder = tempfile::tempdir().unwrap();
    let build = |cache: &mut Cache| {
        let dest = folder.path().join(cache.parses().to_string());
        book::mdbook::build_for_serving(small.root(), &dest, cache).unwrap();
    };
    // Two pages, a listing, a recording, a figure.
    build(&mut cache);
    assert_eq!((cache.parses(), cache.len()), (5, 5));
    build(&mut cache);
    assert_eq!(cache.parses(), 5, "nothing has changed");
    small.write(PAGE, &small.read(PAGE).replace("It is right", "It is always right"));
    build(&mut cache);
    assert_eq!((cache.parses(), cache.len()), (6, 5));
}

#[test]
fn what_is_gone_is_not_kept() {
    let (small, mut cache) = (SmallBook::default(), Cache::default());
    let extra = "listings/some-pattern/src/another.rs";
    small.write(extra, "//! Another topic.\n");
    book::book::Book::read(small.root(), &mut cache).unwrap();
    let before = cache.len();
    std::fs::remove_file(small.root().join(extra)).unwrap();
    book::book::Book::read(small.root(), &mut cache).unwrap();
    assert_eq!(cache.len(), before - 1);
}

#[test]
fn a_page_has_the_same_proofs_wherever_the_tests_stand() {
    let small = SmallBook::default();
    let before = Rendered::of(small.root());
    let listing = small.read(LISTING);
    let (code, tests) = listing.split_once("#[cfg(test)]\nmod tests {").unwrap();
    let tests = tests.trim_end().strip_suffix('}').unwrap().replace("\n    ", "\n");
    small.write(LISTING, &format!("{code}#[cfg(test)]\nmod tests;\n"));
    small.write("listings/some-pattern/src/a_topic/tests.rs", &tests);
    let after = Rendered::of(small.root());
    let proof = |rendered: &Rendered| -> String {
        let page = rendered.page("some-pattern/a-topic.html");
        let proof =
            page.select(&selector("#promise-a-topic-it_is_right code.rust")).next();
        proof.unwrap().text().collect()
    };
    assert_eq!(proof(&before), proof(&after));
    let page = after.page("some-pattern/a-topic.html");
    let whole = page.select(&selector("details.whole code.rust")).next().unwrap();
    assert!(!whole.text().collect::<String>().contains("mod tests"));
}

#[test]
fn what_a_program_prints_stays_in_its_block() {
    let small = SmallBook::default();
    let printed = "```\n<b>bold</b>\n{{#include ../index.md}}\n````\nend\n";
    small.write("listings/some-pattern/examples/a_program.out", printed);
    let rendered = Rendered::of(small.root());
    let page = rendered.page("some-pattern/a-topic.html");
    let code =
        page.select(&selector("#output-a-program code.language-text")).next().unwrap();
    assert_eq!(code.text().collect::<String>(), printed);
}
