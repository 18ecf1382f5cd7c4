//! The book builds, and keeps what it promises about its pages.

use book_tests::{PAGE, Rendered, SmallBook, by_id, root, selector};

#[test]
fn the_book_builds_without_a_mistake() {
    if let Err(error) = book::build::report(&root()) {
        panic!("{error}");
    }
}

#[test]
fn every_page_links_to_its_source_and_to_a_place_to_report_a_mistake() {
    let rendered = Rendered::book();
    for path in book::summary::pages(&root()).unwrap() {
        let name = path.with_extension("html").display().to_string().replace('\\', "/");
        let page = rendered.page(&name);
        let links: Vec<_> = page
            .select(&selector(".colophon a"))
            .filter_map(|link| link.value().attr("href"))
            .collect();
        assert_eq!(links.len(), 2, "{name}: {links:?}");
        assert!(
            links[0].ends_with(&format!("blob/main/src/{}", path.display())),
            "{name}"
        );
        assert!(links[1].contains("/issues/new"), "{name}");
    }
}

#[test]
fn every_listing_and_promise_stands_in_the_rendered_pages() {
    let root = root();
    let (rendered, report) = (Rendered::book(), book::build::report(&root).unwrap());
    let print = rendered.page("print.html");
    assert_eq!(print.select(&selector("figure.listing")).count(), report.anchors.len());
    assert_eq!(print.select(&selector("details.proof")).count(), report.promises.len());
    assert_eq!(print.select(&selector("figure.drawing")).count(), report.figures.len());
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
    let report = book::build::report(&root).unwrap();
    let print = Rendered::book().page("print.html");
    let (print, code) = (by_id(&print), selector("code.rust"));
    let plain = |code: &str| code.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    for (path, anchor) in report.anchors {
        let file = std::fs::read_to_string(root.join(&path)).unwrap();
        let file: Vec<_> =
            file.lines().filter(|line| !line.contains("// ANCHOR")).collect();
        let stem =
            path.rsplit('/').next().unwrap().trim_end_matches(".rs").replace('_', "-");
        let shown = print.get(&*format!("listing-{stem}-{anchor}"));
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
            book_tests::LISTING,
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
    for file in [PAGE, book_tests::LISTING] {
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
