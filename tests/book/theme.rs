//! The theme has a template of its own in the place of mdBook's. It notices when mdBook's changes, and
//! pages load what the theme knows and nothing else.

use std::collections::BTreeSet;
use std::fs;

use book::layout::html_path;
use book_tests::{Rendered, root, selector, the_book};

/// What the template of mdBook 0.5.4 asks for.
///
/// If this differs after an update of mdBook, see what its template does with what is new or gone
/// (`crates/mdbook-html/front-end/templates/index.hbs`), do the same in `theme/index.hbs` or decide
/// against it, and change this list.
const MDBOOK_ASKS_FOR: [&str; 80] = [
    "#each additional_css",
    "#each additional_js",
    "#if (eq ../text_direction \"rtl\")",
    "#if (eq text_direction \"rtl\")",
    "#if base_url",
    "#if favicon_png",
    "#if favicon_svg",
    "#if fragment_map",
    "#if git_repository_edit_url",
    "#if git_repository_url",
    "#if is_print",
    "#if live_reload_endpoint",
    "#if mathjax_support",
    "#if next",
    "#if playground_copyable",
    "#if playground_js",
    "#if playground_line_numbers",
    "#if previous",
    "#if print_enable",
    "#if search_enabled",
    "#if search_js",
    "/each",
    "/if",
    "> head",
    "> header",
    "base_url",
    "book_title",
    "content",
    "default_theme",
    "description",
    "else",
    "fa \"regular\" \"copy\"",
    "fa \"solid\" \"angle-left\"",
    "fa \"solid\" \"angle-right\"",
    "fa \"solid\" \"bars\"",
    "fa \"solid\" \"clock-rotate-left\"",
    "fa \"solid\" \"eye\"",
    "fa \"solid\" \"eye-slash\"",
    "fa \"solid\" \"magnifying-glass\"",
    "fa \"solid\" \"paintbrush\"",
    "fa \"solid\" \"pencil\" \"git-edit-button\"",
    "fa \"solid\" \"play\"",
    "fa \"solid\" \"print\" \"print-button\"",
    "fa \"solid\" \"spinner\" \"fa-spin\"",
    "fa git_repository_icon_class git_repository_icon",
    "fragment_map",
    "git_repository_edit_url",
    "git_repository_url",
    "language",
    "live_reload_endpoint",
    "next.link",
    "path_to_root",
    "preferred_dark_theme",
    "previous.link",
    "resource \"ace.js\"",
    "resource \"ayu-highlight.css\"",
    "resource \"book.js\"",
    "resource \"clipboard.min.js\"",
    "resource \"css/chrome.css\"",
    "resource \"css/general.css\"",
    "resource \"css/print.css\"",
    "resource \"css/variables.css\"",
    "resource \"editor.js\"",
    "resource \"elasticlunr.min.js\"",
    "resource \"favicon.png\"",
    "resource \"favicon.svg\"",
    "resource \"fonts/fonts.css\"",
    "resource \"highlight.css\"",
    "resource \"highlight.js\"",
    "resource \"mark.min.js\"",
    "resource \"mode-rust.js\"",
    "resource \"searcher.js\"",
    "resource \"searchindex.js\"",
    "resource \"theme-dawn.js\"",
    "resource \"theme-tomorrow_night.js\"",
    "resource \"toc.js\"",
    "resource \"tomorrow-night.css\"",
    "resource this",
    "text_direction",
    "title",
];

#[test]
fn mdbooks_own_template_is_the_one_that_ours_was_made_after() {
    let folder = tempfile::tempdir().unwrap();
    let mut init = mdbook_driver::init::BookBuilder::new(folder.path());
    init.copy_theme(true);
    init.build().unwrap();
    let theirs = fs::read_to_string(folder.path().join("theme/index.hbs")).unwrap();
    let found: BTreeSet<_> = directives(&theirs).into_iter().collect();
    assert_eq!(found, BTreeSet::from(MDBOOK_ASKS_FOR.map(str::to_owned)));
}

/// The handlebars directives of a template.
fn directives(template: &str) -> Vec<String> {
    let parts = template.split("{{").skip(1);
    let parts = parts.filter_map(|part| part.split_once("}}"));
    parts.map(|(inside, _)| inside.trim_matches(['{', ' ']).to_owned()).collect()
}

#[test]
fn pages_load_the_files_of_the_theme_and_no_other() {
    let rendered = Rendered::book();
    let mut loaded = BTreeSet::new();
    for (name, page) in rendered.pages() {
        // mdBook's list of pages for its own frame, which the theme does without.
        if name == "toc.html" {
            continue;
        }
        for (css, attribute) in [("link[href]", "href"), ("script[src]", "src")] {
            for element in page.select(&selector(css)) {
                let file = element.value().attr(attribute).unwrap_or_default();
                loaded.insert(file.rsplit('/').next().unwrap_or_default().to_owned());
            }
        }
    }
    let plain = |name: &String| {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        format!("{}.{ending}", stem.rsplit_once('-').map_or(stem, |(stem, _)| stem))
    };
    let loaded: BTreeSet<_> = loaded.iter().map(plain).collect();
    let known = ["book.css", "book.js", "favicon.svg", "fonts.css"].map(str::to_owned);
    assert_eq!(loaded, BTreeSet::from(known));
}

#[test]
fn beside_a_page_are_the_pages_of_its_pattern_and_the_openings_of_the_others() {
    let summary = fs::read_to_string(root().join("src/SUMMARY.md")).unwrap();
    let entries: Vec<_> = summary.lines().filter(|line| line.contains("](")).collect();
    let path = |line: &str| {
        let (_, path) = line.split_once("](").unwrap();
        html_path(path.trim_end_matches(')'))
    };
    let all: Vec<_> = entries.iter().map(|line| path(line)).collect();
    let folder = |path: &str| path.split_once('/').map(|(folder, _)| folder.to_owned());
    let rendered = Rendered::book();
    let listed = |page: &str| -> Vec<String> {
        let up = if page.contains('/') { "../" } else { "" };
        let (html, css) = (rendered.page(page), selector("#contents li a"));
        let links = html.select(&css).map(|link| {
            let href = link.value().attr("href").unwrap();
            href.strip_prefix(up).unwrap_or(href).to_owned()
        });
        links.collect()
    };
    for page in &all {
        // An entry that is indented is listed beside the pages of its own pattern only.
        let wanted = entries.iter().filter(|line| {
            !line.starts_with(' ') || folder(&path(line)) == folder(page)
        });
        let wanted: Vec<_> = wanted.map(|line| path(line)).collect();
        assert!(wanted.contains(page));
        assert_eq!(listed(page), wanted, "{page}");
    }
    assert_eq!(listed("print.html"), all);
}

#[test]
fn each_page_has_one_h1_headings_in_order_and_a_language() {
    let (headings, html) = (selector("h1, h2, h3, h4, h5, h6"), selector("html"));
    let mut looked = BTreeSet::new();
    for (name, page) in Rendered::book().pages() {
        // A frame of mdBook's own, and the page for print, which has all the others in it.
        if ["toc.html", "print.html"].contains(&name) {
            continue;
        }
        let levels = page.select(&headings).map(|it| it.value().name()[1..].to_owned());
        let levels: Vec<u32> = levels.map(|level| level.parse().unwrap()).collect();
        assert_eq!(levels.first(), Some(&1), "{name}: {levels:?}");
        assert!(!levels[1..].contains(&1), "{name}: {levels:?}");
        let in_order = levels.windows(2).all(|pair| pair[1] <= pair[0] + 1);
        assert!(in_order, "{name}: {levels:?}");
        let language = page.select(&html).next().and_then(|it| it.value().attr("lang"));
        assert_eq!(language, Some("en"), "{name}");
        looked.insert(name.to_owned());
    }
    for page in &the_book().pages {
        assert!(looked.contains(&html_path(&page.page.file)), "{}", page.page.file);
    }
}

#[test]
fn every_class_of_coloured_code_has_a_style() {
    let styles = fs::read_to_string(root().join("theme/book.css")).unwrap();
    let rendered = Rendered::book();
    let mut classes = BTreeSet::new();
    for span in rendered.page("print.html").select(&selector("code.rust span")) {
        classes.extend(span.value().classes().map(str::to_owned));
    }
    assert!(classes.len() > 5, "{classes:?}");
    for class in classes {
        assert!(
            styles.contains(&format!(".{class} {{"))
                || styles.contains(&format!(".{class},")),
            "{class}"
        );
    }
}
