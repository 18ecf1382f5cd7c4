//! The book in a real browser. Run with `cargo test --test browser -- --ignored`.
//!
//! Ignored by default: it needs a browser, which `cargo test` does not.

mod driver;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use book::book::Shown;
use book::layout::html_path;
use book::render::whole_use::dependencies;
use book::source::Cache;
use book_tests::{LISTING, PAGE, SmallBook};
use driver::{Browser, Theme, Width, book, serve};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const AXE: &str = include_str!("axe.min.js");

/// A page with everything: listings, wrong ones, a figure, proofs, an admonition, a whole file.
const RICH: &str = "future-composition/bounded-concurrency.html";

/// All pages, by their path.
fn pages() -> Vec<String> {
    let pages = book_tests::the_book().pages.iter();
    pages.map(|page| html_path(&page.page.file)).collect()
}

/// Which of axe's rules are asked.
#[derive(Clone, Copy, Debug)]
enum Rules {
    All,
    /// Whether text can be told from what is behind it: half of axe's time, and the only rule that a theme can change.
    Contrast,
    ButContrast,
}

/// What axe finds in the page as it is now, a line each.
async fn axe(browser: &Browser, rules: Rules) -> Vec<String> {
    if browser.script("return typeof axe").await == json!("undefined") {
        browser.script(AXE).await;
    }
    // What scrolls is known when the fonts are there, and a frame is drawn at this size.
    let drawn = "return document.fonts.ready.then(() => new Promise(done => \
                 requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))";
    browser.script(drawn).await;
    let rules = match rules {
        Rules::All => "{}",
        Rules::Contrast => "{ runOnly: ['color-contrast'] }",
        Rules::ButContrast => "{ rules: { 'color-contrast': { enabled: false } } }",
    };
    let run = format!(
        "return axe.run(document, {{ resultTypes: ['violations'], ...{rules} }}).then(found => \
         found.violations.flatMap(rule => rule.nodes.map(node => \
         `${{rule.impact}} ${{rule.id}}: ${{node.html.slice(0, 160)}}`)))"
    );
    let found = browser.script(&run).await;
    let found = found.as_array().cloned().unwrap_or_default();
    found.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn axe_finds_nothing_on_every_second_page_in_any_theme_and_width() {
    axe_finds_nothing_on_half_of_the_pages(0).await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn axe_finds_nothing_on_the_other_pages_in_any_theme_and_width() {
    axe_finds_nothing_on_half_of_the_pages(1).await;
}

/// The first page and each second one after it, or the others: two browsers look at the same time.
async fn axe_finds_nothing_on_half_of_the_pages(half: usize) {
    let browser = Browser::start().await;
    let (mut found, mut runs) = (String::new(), 0);
    let extra = ["404.html".to_owned()];
    for page in pages().iter().chain(&extra).skip(half).step_by(2) {
        browser.open(page).await;
        for (width, theme, rules) in [
            (Width::Wide, Theme::Light, Rules::All),
            (Width::Wide, Theme::Dark, Rules::Contrast),
            (Width::Narrow, Theme::Light, Rules::ButContrast),
        ] {
            browser.look(width, theme).await;
            for line in axe(&browser, rules).await {
                let _ = writeln!(found, "{page}, {width:?}, {theme:?}: {line}");
            }
            runs += 1;
        }
    }
    println!("axe ran {runs} times");
    assert!(found.is_empty(), "{found}");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn axe_finds_nothing_in_what_is_folded_or_opened() {
    let browser = Browser::start().await;
    let mut found = String::new();
    for theme in [Theme::Light, Theme::Dark] {
        browser.look(Width::Wide, theme).await;
        browser.open(RICH).await;
        browser
            .script(
                "document.querySelectorAll('details').forEach(it => it.open = true)",
            )
            .await;
        browser.click("figure.listing .tools button[aria-expanded]").await;
        for line in axe(&browser, Rules::All).await {
            let _ = writeln!(found, "opened, {theme:?}: {line}");
        }
        browser.open(RICH).await;
        browser.press("/").await;
        browser.press("select!").await;
        browser
            .until(
                "results",
                "return document.querySelector('#search-results a') !== null",
            )
            .await;
        for line in axe(&browser, Rules::All).await {
            let _ = writeln!(found, "search, {theme:?}: {line}");
        }
        browser.look(Width::Narrow, theme).await;
        browser.open(RICH).await;
        browser.click(".menu").await;
        for line in axe(&browser, Rules::All).await {
            let _ = writeln!(found, "contents, {theme:?}: {line}");
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn axe_finds_nothing_on_the_page_for_print() {
    // Of a small book: axe needs minutes for the whole one, whose pages it sees one by one.
    let (_small, page) = a_pair();
    let print = page.replace(&html_path(PAGE), "print.html");
    let browser = Browser::start().await;
    browser.goto(&print).await;
    let parts = "return document.querySelectorAll('main h1').length";
    assert_eq!(browser.script(parts).await, json!(2), "both pages are there");
    // Its text has the colours that each page was asked for.
    let found = axe(&browser, Rules::ButContrast).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What files weigh as a host of pages sends them: packed. The server of the book, on the same machine, does not pack.
#[derive(Default)]
struct Weights(HashMap<String, u64>);

impl Weights {
    async fn of(&mut self, url: &str) -> u64 {
        if let Some(weight) = self.0.get(url) {
            return *weight;
        }
        let answer = reqwest::get(url).await.expect("it was fetched a moment ago");
        let bytes = answer.bytes().await.expect("a file");
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&bytes).expect("in memory");
        // Fonts are packed already, and sent as they are.
        let packed = packed.finish().expect("in memory").len().min(bytes.len()) as u64;
        self.0.insert(url.to_owned(), packed);
        packed
    }
}

/// Bytes over the wire for each address, and each host that was asked.
async fn fetched(browser: &Browser) -> HashMap<String, (String, u64)> {
    let mut requests = HashMap::new();
    for (method, event) in browser.network().await {
        let id = event["requestId"].as_str().unwrap_or_default().to_owned();
        match method.as_str() {
            "Network.requestWillBeSent" => {
                let url = event["request"]["url"].as_str().unwrap_or_default();
                requests.insert(id, (url.to_owned(), 0));
            }
            "Network.requestServedFromCache" => {
                requests.remove(&id);
            }
            "Network.loadingFinished" => {
                if let Some((_, bytes)) = requests.get_mut(&id) {
                    *bytes = event["encodedDataLength"].as_u64().unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    // The browser asks for icons of its own, and the server of the book holds one request for reloads.
    requests
        .retain(|_, (url, _)| !url.starts_with("chrome") && !url.starts_with("data:"));
    requests
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn every_page_is_light_and_asks_no_other_host_and_writes_nothing_to_the_console()
{
    const FIRST: u64 = 150_000;
    const NEXT: u64 = 40_000;
    let browser = Browser::start().await;
    browser.devtools("Network.enable", json!({})).await;
    let (mut wrong, mut table) = (String::new(), String::new());
    let mut weights = Weights::default();
    for page in pages() {
        browser.goto("about:blank").await;
        browser.devtools("Network.clearBrowserCache", json!({})).await;
        fetched(&browser).await;
        let mut visits = Vec::new();
        for first in [true, false] {
            // The second visit has what the first one left in the cache, as the next page would.
            browser.goto("about:blank").await;
            fetched(&browser).await;
            browser.open(&page).await;
            browser.script("return document.fonts.ready.then(() => true)").await;
            let requests = fetched(&browser).await;
            for (url, _) in requests.values() {
                if !url.starts_with(book()) && url != "about:blank" {
                    let _ = writeln!(wrong, "{page} asks {url}");
                }
            }
            let mut bytes = 0;
            for (url, sent) in requests.values() {
                if *sent > 0 {
                    bytes += weights.of(url).await;
                }
            }
            let budget = if first { FIRST } else { NEXT };
            if bytes == 0 || bytes > budget {
                let _ = writeln!(
                    wrong,
                    "{page}: {bytes} bytes, not within {budget}: {requests:#?}"
                );
            }
            visits.push(bytes);
        }
        let _ =
            writeln!(table, "{:>7} first, {:>6} next: {page}", visits[0], visits[1]);
        for message in browser.console().await {
            let _ = writeln!(wrong, "{page} writes to the console: {message}");
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn no_page_is_wider_than_the_window() {
    let browser = Browser::start().await;
    let mut wrong = String::new();
    for page in pages() {
        browser.look(Width::Narrow, Theme::Light).await;
        browser.open(&page).await;
        let wide = browser.script("return document.documentElement.scrollWidth").await;
        if wide != json!(390) {
            let _ = writeln!(wrong, "{page} is {wide} wide in a window of 390");
        }
        // 200 % zoom of a window of 1280 is one of 640.
        let zoom = json!({ "width": 640, "height": 500, "deviceScaleFactor": 2, "mobile": false });
        browser.devtools("Emulation.setDeviceMetricsOverride", zoom).await;
        let wide = browser.script("return document.documentElement.scrollWidth").await;
        if wide.as_u64().is_none_or(|wide| wide > 640) {
            let _ = writeln!(wrong, "{page} is {wide} wide in a window of 640");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn everything_can_be_reached_and_seen_by_keyboard() {
    const TAB: &str = "\u{E004}";
    let browser = Browser::start().await;
    browser.open(RICH).await;
    browser.press(TAB).await;
    assert_eq!(
        browser.script("return document.activeElement.className").await,
        json!("skip")
    );
    browser.press("\u{E007}").await;
    assert_eq!(
        browser.script("return document.activeElement.id").await,
        json!("content")
    );
    // Round the page once: what can be clicked has the focus once, and shows it.
    browser.open(RICH).await;
    let boxes = "return [...document.querySelectorAll('pre, .table-wrapper')].filter(it => it.checkVisibility())\
                 .every(it => it.tabIndex === 0 || it.scrollWidth <= it.clientWidth + 1 && it.scrollHeight <= it.clientHeight + 1)";
    browser.until("what scrolls can be focused", boxes).await;
    let wanted = "return [...document.querySelectorAll('a[href],button,summary,[tabindex=\"0\"]')]\
                  .filter(it => it.checkVisibility() && !it.closest('dialog')).length";
    let wanted = browser.script(wanted).await.as_u64().expect("a number");
    let mut seen = 0;
    for _ in 0..wanted + 5 {
        browser.press(TAB).await;
        let focus = "const it = document.activeElement; if (it === document.body || it.dataset.seen) return null; \
                     it.dataset.seen = 1; const style = getComputedStyle(it); \
                     return [it.outerHTML.slice(0, 120), style.outlineStyle, parseFloat(style.outlineWidth)]";
        let focus = browser.script(focus).await;
        if focus.is_null() {
            break;
        }
        seen += 1;
        assert_eq!(focus[1], json!("solid"), "the focus is not seen on {}", focus[0]);
        assert!(focus[2].as_f64().is_some_and(|width| width >= 2.0), "{focus}");
    }
    assert_eq!(seen, wanted, "some controls cannot be reached");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn keys_turn_pages_and_open_and_close_the_contents() {
    let browser = Browser::start().await;
    let all = pages();
    let [page, next] = all.get(1..3).and_then(|it| it.as_array()).expect("pages");
    browser.open(page).await;
    for (key, what, page) in
        [("\u{E014}", "the next page", next), ("\u{E012}", "the page before", page)]
    {
        browser.press(key).await;
        let there = format!("return location.pathname.endsWith('{page}')");
        browser.until(what, &there).await;
    }
    browser.look(Width::Narrow, Theme::Light).await;
    browser.open(RICH).await;
    let shown = "return document.querySelector('#contents a').checkVisibility()";
    assert_eq!(browser.script(shown).await, json!(false));
    browser.script("document.querySelector('.menu').focus()").await;
    browser.press("\u{E007}").await;
    assert_eq!(browser.script(shown).await, json!(true));
    browser.press("\u{E00C}").await;
    assert_eq!(browser.script(shown).await, json!(false));
    let current =
        "return document.querySelector('#contents [aria-current=page]').textContent";
    assert_eq!(browser.script(current).await, json!("Many requests, a few at a time"));
}

/// Presses a button of the first listing, and returns what is in the clipboard then.
async fn copied(browser: &Browser, css: &str, name: &str) -> String {
    let origin = browser.script("return location.origin").await;
    let permit = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": origin });
    browser.devtools("Browser.grantPermissions", permit).await;
    // A window without a screen does not always have the focus, which the clipboard asks for.
    let focused = json!({ "enabled": true });
    browser.devtools("Emulation.setFocusEmulationEnabled", focused).await;
    browser
        .script("return navigator.clipboard.writeText('nothing').then(() => true)")
        .await;
    let press = format!(
        "[...document.querySelectorAll('{css} > .tools button')].find(it => it.textContent === '{name}').click()"
    );
    browser.script(&press).await;
    browser
        .until(
            "a copy",
            "return navigator.clipboard.readText().then(text => text !== 'nothing')",
        )
        .await;
    let text = browser.script("return navigator.clipboard.readText()").await;
    text.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn copy_gives_what_is_seen_or_the_whole_file() {
    let browser = Browser::start().await;
    browser.open(RICH).await;
    let path = "listings/future-composition/src/bounded_concurrency.rs";
    let source =
        std::fs::read_to_string(book_tests::root().join(path)).expect("a listing");
    let part = source.split("// ANCHOR: sliding_window\n").nth(1).expect("the anchor");
    let part = part.split("// ANCHOR_END: sliding_window").next().expect("its end");
    let caption = "#listing-bounded-concurrency-sliding_window figcaption";
    let seen = copied(&browser, caption, "Copy").await;
    let (imports, code) = seen.split_once("\n\n").expect("imports above the code");
    assert!(imports.lines().all(|line| line.starts_with("use ")), "{imports}");
    assert_eq!(code, part.trim_end());
    // Without the markers, and without the proofs, which stand in a file of their own.
    let whole = &book_tests::the_book().listings[path].whole;
    assert!(whole.contains(part.lines().next().expect("a line")));
    let file = copied(&browser, caption, "Copy file").await;
    assert_eq!(file.trim_end(), whole.trim_end());
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn copy_of_a_whole_use_gives_what_skeptic_compiles_and_what_it_needs() {
    let (browser, book) = (Browser::start().await, book_tests::the_book());
    let mut uses = 0;
    for page in &book.pages {
        for paste in page.uses() {
            browser.open(&html_path(&page.page.file)).await;
            let id = paste.program.file.use_id();
            let main = copied(&browser, &format!("#{id} figcaption"), "Copy").await;
            assert_eq!(main, paste.text(), "{id}");
            let fold = format!("#{id} .needs");
            // A use may itself stand in a fold.
            let open =
                "document.querySelectorAll('details').forEach(it => it.open = true)";
            browser.script(open).await;
            let toml = copied(&browser, &fold, "Copy").await;
            assert_eq!(toml, dependencies(book, paste), "{id}");
            uses += 1;
        }
    }
    assert!(uses > 0);
}

/// The right function of the pair below; the wrong one has another line in its middle.
const RIGHT: &str = "pub fn average(prices: &[u32]) -> u32 {\n    let mut total = 0;\n    let mut seen = 0;\n    for price in prices {\n        seen += 1;\n        total += price;\n    }\n    total / seen\n}\n";

/// The small book in the face of the book, served; its page begins with a pair of wrong and right.
fn a_pair() -> (SmallBook, String) {
    let anchor = |name: &str, code: &str| {
        format!("// ANCHOR: {name}\n{code}// ANCHOR_END: {name}\n")
    };
    let wrong = RIGHT.replace("total += price", "total = *price");
    let code = format!(
        "{}pub mod naive {{\n{}}}\n\n#[cfg(test)]",
        anchor("right", RIGHT),
        anchor("wrong", &wrong)
    );
    let half = |name: &str, word: &str| {
        format!(
            "**{word}:** a short reason.\n\n```rust\n{{{{#include ../../listings/some-pattern/src/a_topic.rs:{name}}}}}\n```\n\n"
        )
    };
    let pair = format!(
        "# A topic\n\n<div class=\"compare\">\n\n{}{}</div>\n",
        half("wrong", "Wrong"),
        half("right", "Right")
    );
    let small = SmallBook::in_the_theme().with(PAGE, "# A topic\n", &pair).with(
        LISTING,
        "#[cfg(test)]",
        &code,
    );
    let page = format!("{}{}", serve(small.root().to_owned()), html_path(PAGE));
    (small, page)
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn wrong_and_right_stand_side_by_side_where_there_is_room() {
    let (_small, page) = a_pair();
    let browser = Browser::start().await;
    // Beside each other, with words and code at one height; above each other; and nothing has to be scrolled.
    let facts = "const box = css => document.querySelector(css).getBoundingClientRect(); \
                 const [wrong, right] = [box('.compare .wrong'), box('.compare .right')]; \
                 const tops = ['p', 'pre'].map(it => box('.wrong ' + it).top === box('.right ' + it).top); \
                 const fits = [...document.querySelectorAll('.compare pre')].every(it => it.scrollWidth <= it.clientWidth); \
                 return [wrong.right < right.left && tops[0] && tops[1], wrong.bottom <= right.top && wrong.left === right.left, \
                 fits, document.documentElement.scrollWidth <= innerWidth]";
    for (width, wanted) in [
        (Width::Wide, json!([true, false, true, true])),
        (Width::Narrow, json!([false, true, true, true])),
    ] {
        browser.look(width, Theme::Light).await;
        browser.goto(&page).await;
        assert_eq!(browser.script(facts).await, wanted, "{width:?}");
        for theme in [Theme::Light, Theme::Dark] {
            browser.look(width, theme).await;
            assert_eq!(
                axe(&browser, Rules::All).await,
                Vec::<String>::new(),
                "{width:?}, {theme:?}"
            );
        }
    }
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_pair_shows_what_differs_and_all_of_it_when_asked() {
    let (_small, page) = a_pair();
    let browser = Browser::start().await;
    browser.goto(&page).await;
    let seen = "return [...document.querySelectorAll('.compare .same')].map(it => it.checkVisibility())";
    assert_eq!(browser.script(seen).await, json!([false, false]));
    // The whole code is copied, without the signs of what differs.
    let wrong = RIGHT.replace("total += price", "total = *price");
    assert_eq!(
        copied(&browser, ".compare .wrong figcaption", "Copy").await,
        wrong.trim_end()
    );
    browser.click(".compare .wrong .tools button[aria-expanded]").await;
    assert_eq!(browser.script(seen).await, json!([true, true]), "in both halves");
    let selected = "getSelection().selectAllChildren(document.querySelector('.compare .right code')); \
                    return getSelection().toString()";
    assert_eq!(browser.script(selected).await, json!(RIGHT.trim_end()));
    browser.click(".compare .right .tools button[aria-expanded]").await;
    assert_eq!(browser.script(seen).await, json!([false, false]));
    let paper = json!({ "media": "print" });
    browser.devtools("Emulation.setEmulatedMedia", paper).await;
    assert_eq!(browser.script(seen).await, json!([true, true]), "on paper");
    browser.devtools("Emulation.setEmulatedMedia", json!({ "media": "" })).await;
    browser
        .devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
        .await;
    browser.goto(&page).await;
    assert_eq!(browser.script(seen).await, json!([true, true]), "without scripts");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_footnote_leads_to_its_note_and_back() {
    let browser = Browser::start().await;
    browser.open("future-composition/time-limit.html").await;
    let at = |id: &str| {
        format!(
            "const it = document.getElementById('{id}'); const box = it.getBoundingClientRect(); \
             return location.hash === '#{id}' && box.top >= 0 && box.top < innerHeight && \
             getComputedStyle(it).backgroundColor !== 'rgba(0, 0, 0, 0)'"
        )
    };
    browser.click("#fr-reqwest-2 a").await;
    browser.until("the note", &at("footnote-reqwest")).await;
    browser.click("#footnote-reqwest a[href='#fr-reqwest-2']").await;
    browser.until("the sentence", &at("fr-reqwest-2")).await;
    // The rule that mdBook puts between has a heading in its place.
    let last = "const notes = document.querySelector('.footnote-definition'); const rule = notes.previousElementSibling; \
                return [rule.tagName, rule.checkVisibility(), rule.previousElementSibling.textContent]";
    assert_eq!(browser.script(last).await, json!(["HR", false, "Notes"]));
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_rest_of_the_file_opens_around_a_listing_and_closes() {
    let browser = Browser::start().await;
    browser.open(RICH).await;
    let text = "return document.querySelector('#listing-bounded-concurrency-input_order code').textContent";
    let part = browser.script(text).await;
    let eye = "#listing-bounded-concurrency-input_order .tools button[aria-expanded]";
    browser.click(eye).await;
    let whole = browser.script(text).await;
    let (part_text, whole_text) =
        (part.as_str().expect("code"), whole.as_str().expect("code"));
    let (_, code) = part_text.split_once("\n\n").expect("imports above the code");
    assert!(whole_text.contains(code.trim_end()) && whole_text.contains("mod naive"));
    // What the page showed is in view, in the box that now scrolls.
    let in_view = "const box = document.querySelector('#listing-bounded-concurrency-input_order pre'); \
                   const lines = box.textContent.split('\\n'); \
                   const at = lines.findIndex(it => it.includes('pub async fn in_input_order')); \
                   const y = at * box.scrollHeight / lines.length - box.scrollTop; \
                   return y > 0 && y < box.clientHeight";
    assert_eq!(browser.script(in_view).await, json!(true));
    browser.click(eye).await;
    assert_eq!(browser.script(text).await, part);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_promise_opens_its_proof_and_closes_it() {
    let browser = Browser::start().await;
    browser.open(RICH).await;
    let link = "a[href='#promise-bounded-concurrency-a_slow_page_holds_up_nobody']";
    let shown = "return document.getElementById('promise-bounded-concurrency-a_slow_page_holds_up_nobody').checkVisibility()";
    assert_eq!(browser.script(shown).await, json!(false));
    browser.click("details.promises > summary").await;
    browser.click(link).await;
    browser.until("the proof", shown).await;
    let told = format!(
        "return document.querySelector(\"{link}\").getAttribute('aria-expanded') === 'true'"
    );
    browser.until("the state of the link", &told).await;
    browser
        .script(&format!("document.querySelector(\"{link}\").scrollIntoView()"))
        .await;
    browser.click(link).await;
    assert_eq!(browser.script(shown).await, json!(false));
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_printed_page_has_all_promises_and_no_other_fold() {
    let browser = Browser::start().await;
    browser.open(RICH).await;
    let seen = "const seen = css => [...document.querySelectorAll(css)].map(it => it.checkVisibility()); \
                return [seen('details.promises td'), seen('details.proof pre')].map(it => [it.length > 0, ...new Set(it)])";
    assert_eq!(browser.script(seen).await, json!([[true, false], [true, false]]));
    browser.devtools("Emulation.setEmulatedMedia", json!({ "media": "print" })).await;
    assert_eq!(browser.script(seen).await, json!([[true, true], [true, false]]));
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_deep_link_leads_to_a_listing_a_proof_and_a_figure() {
    let browser = Browser::start().await;
    for id in [
        "listing-bounded-concurrency-input_order",
        "promise-bounded-concurrency-a_crawl_can_be_spawned",
        "figure-bounded-concurrency",
    ] {
        browser.goto("about:blank").await;
        browser.open(&format!("{RICH}#{id}")).await;
        let seen = format!(
            "const it = document.getElementById('{id}'); const box = it.getBoundingClientRect(); \
             return it.checkVisibility() && box.top >= 0 && box.top < innerHeight && it.querySelector('.permalink').hash === '#{id}'"
        );
        browser.until(id, &seen).await;
    }
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn colours_follow_the_system_until_they_are_switched() {
    let browser = Browser::start().await;
    let paper = "return getComputedStyle(document.documentElement).backgroundColor";
    browser.open("index.html").await;
    let light = browser.script(paper).await;
    browser.look(Width::Wide, Theme::Dark).await;
    let dark = browser.script(paper).await;
    assert_ne!(light, dark, "it follows the system");
    browser.click("#theme-switch").await;
    assert_eq!(browser.script(paper).await, light, "it is switched");
    browser.open(RICH).await;
    assert_eq!(browser.script(paper).await, light, "the next page keeps the choice");
    browser.click("#theme-switch").await;
    assert_eq!(browser.script(paper).await, dark);
    browser.look(Width::Wide, Theme::Light).await;
    assert_eq!(
        browser.script(paper).await,
        light,
        "switched back, it follows the system again"
    );
}

/// What people see and type, what the first line for it says, and where it leads.
const MESSAGES: &[(&str, &str, &str)] = &[
    (
        "`JoinHandle` polled after completion",
        "JoinHandle polled",
        "until-both-end.html",
    ),
    (
        "`async fn` resumed after completion",
        "resumed after",
        "future-composition/select.html",
    ),
    (
        "captured variable cannot escape `FnMut` closure body",
        "captured",
        "closures-that-borrow.html",
    ),
    ("has overflowed its stack", "overflowed", "async-await/future-size.html"),
    (
        "implementation of `FnOnce` is not general enough",
        "FnOnce",
        "closures-that-borrow.html",
    ),
    (
        "future cannot be sent between threads safely",
        "future cannot",
        "what-a-task-may-own.html",
    ),
    (
        "future created by async block is not Send",
        "future created",
        "what-a-task-may-own.html",
    ),
    (
        "there is no reactor running, must be called from the context of a Tokio 1.x runtime",
        "there is no reactor",
        "across-the-border.html",
    ),
    (
        "Cannot start a runtime from within a runtime",
        "Cannot start",
        "many-threads.html",
    ),
    (
        "Cannot drop a runtime in a context where blocking is not allowed",
        "Cannot drop",
        "what-a-runtime-owns.html",
    ),
    ("client disconnects", "client disconnects", "client-hangs-up.html"),
    (
        "async block may outlive the current function",
        "async block",
        "what-a-task-may-own.html",
    ),
    (
        "recursion in an async fn requires boxing",
        "recursion",
        "async-await/future-size.html",
    ),
    ("cannot be unpinned", "cannot be unpinned", "future-composition/select.html"),
    (
        "deadline has elapsed",
        "deadline has elapsed",
        "future-composition/time-limit.html",
    ),
    ("channel closed", "channel closed", "first-of-two.html"),
    ("error[E0733]", "recursion", "async-await/future-size.html"),
    (
        "futures do nothing",
        "futures do nothing",
        "async-in-an-hour/call-and-await.html",
    ),
    // Pages have these words more often.
    ("task was cancelled", "was cancelled (JoinError)", "async-await/spawn.html"),
    ("task runs on", "A task runs on after", "async-await/spawn.html"),
    ("abort does not stop a task", "abort() does not stop", "ask-it-to-stop.html"),
];

/// Messages as they are pasted, with names and places in them.
const PASTED: &[(&str, &str, &str)] = &[
    (
        "error[E0373]: async block may outlive the current function, but it borrows `shop`, which is owned by the current function",
        "async block may outlive",
        "what-a-task-may-own.html",
    ),
    (
        "thread 'main' panicked at src/main.rs:12:9: there is no reactor running, must be called from the context of a Tokio 1.x runtime",
        "there is no reactor running",
        "across-the-border.html",
    ),
    (
        "error[E0277]: `?` couldn't convert the error to `OrderError`",
        "couldn't convert the error",
        "async-await/spawn.html",
    ),
    (
        "task 17 panicked with message \"no pens\"",
        "panicked with message",
        "async-await/spawn.html",
    ),
    (
        "error[E0277]: the trait bound `tokio::sync::mpsc::Receiver<u32>: Stream` is not satisfied",
        "Stream is not satisfied",
        "stream-sources.html",
    ),
];

/// The first lines of the results for a query.
async fn results(browser: &Browser, query: &str) -> Vec<String> {
    browser.open("index.html").await;
    browser.press("/").await;
    browser.press(query).await;
    browser
        .until("results", "return document.querySelector('#search-results a') !== null")
        .await;
    let lines = "return [...document.querySelectorAll('#search-results a')].map(it => it.textContent + ' ' + it.href)";
    serde_json::from_value(browser.script(lines).await).expect("text")
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn search_finds_an_api_and_a_symptom_on_its_first_line() {
    let browser = Browser::start().await;
    for (query, said, page) in [
        ("select!", "select!", "future-composition/select.html"),
        ("JoinSet", "JoinSet", "async-await/"),
        ("lost message", "message", "select-and-timeout/cancel-safety.html"),
        (
            "FuturesUnordered",
            "FuturesUnordered",
            "future-composition/many-futures.html",
        ),
        ("thundering herd", "herd", "future-composition/retry.html"),
    ] {
        let lines = results(&browser, query).await;
        let first = &lines[..lines.len().min(3)];
        assert!(first[0].contains(said), "{query}: {first:#?}");
        assert!(first.iter().any(|line| line.contains(page)), "{query}: {first:#?}");
    }
    for (query, said, page) in MESSAGES.iter().chain(PASTED) {
        let lines = results(&browser, query).await;
        assert!(
            lines[0].contains(said),
            "{query}: {:#?}",
            &lines[..lines.len().min(3)]
        );
        assert!(lines[0].contains(page), "{query}: {}", lines[0]);
    }
    // Enter goes there.
    results(&browser, "thundering herd").await;
    browser.press("\u{E007}").await;
    browser.until("the page", "return location.pathname.endsWith('retry.html')").await;
    // Arrows and Escape.
    results(&browser, "JoinSet").await;
    browser.press("\u{E015}").await;
    assert_eq!(
        browser
            .script("return document.activeElement.matches('#search-results a')")
            .await,
        json!(true)
    );
    browser.press("\u{E00C}").await;
    assert_eq!(
        browser.script("return document.getElementById('search').open").await,
        json!(false)
    );
}

/// The page with a box that filters its lines.
const SYMPTOMS: &str = "reference/symptoms.html";

/// What the page of symptoms shows: its lines, its headings, what is on it of the list beside it, and what the box says.
async fn filtered(browser: &Browser) -> (Vec<String>, Vec<String>, usize, String) {
    let seen = "const seen = css => [...document.querySelectorAll(css)].filter(it => it.checkVisibility()); \
                return [seen('main > ul > li').map(it => it.textContent), \
                seen('main > h2, main > h3').map(it => it.textContent), document.querySelectorAll('.on-this-page a:not([hidden])').length, \
                document.querySelector('.filter [role=status]').textContent]";
    serde_json::from_value(browser.script(seen).await).expect("text")
}

/// Types into the box, in the place of what is there.
async fn filter(browser: &Browser, words: &str) {
    browser.click(".filter input").await;
    browser.press("\u{E00C}").await;
    browser.press(words).await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_filter_of_symptoms_shows_the_lines_with_all_words_and_their_headings() {
    let browser = Browser::start().await;
    browser.open(SYMPTOMS).await;
    let all = filtered(&browser).await;
    assert!(all.0.len() > 400 && all.3.is_empty(), "{}: {}", all.0.len(), all.3);
    let name = "return document.querySelector('.filter input').labels[0].textContent";
    assert!(browser.script(name).await.as_str().unwrap_or_default().contains("words"));
    // Neither case nor quotes nor the order matter.
    let mut before = None;
    for words in [
        "JoinHandle polled after completion",
        "`JoinHandle` polled",
        "COMPLETION: 'joinhandle\" polled",
    ] {
        filter(&browser, words).await;
        let (lines, headings, beside, said) = filtered(&browser).await;
        assert_eq!(lines.len(), 1, "{words}: {lines:#?}");
        assert!(lines[0].contains("JoinHandle polled after completion"), "{lines:?}");
        assert_eq!(headings, ["It panics with", "A future that has ended"], "{words}");
        assert_eq!(beside, 1, "{words}: only the heading that is left");
        assert_eq!(said, format!("1 line of {}", all.0.len()));
        let before = before.get_or_insert_with(|| lines.clone());
        assert_eq!(*before, lines, "{words}");
    }
    filter(&browser, "select!").await;
    let (lines, headings, ..) = filtered(&browser).await;
    assert!(lines.len() > 20 && lines.iter().all(|it| it.contains("select!")));
    assert!(headings.len() < all.1.len(), "{headings:?}");
    // Emptied, by Escape or by hand, it hides nothing.
    for key in ["\u{E00C}", "\u{E003}".repeat(7).as_str()] {
        filter(&browser, "select!").await;
        browser.press(key).await;
        assert_eq!(filtered(&browser).await, all);
    }
    // Also where the browser does not empty a box of this type by itself.
    filter(&browser, "select!").await;
    browser.script("document.querySelector('.filter input').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))").await;
    assert_eq!(filtered(&browser).await, all);
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_filter_of_symptoms_takes_a_pasted_message_with_names_in_it() {
    let browser = Browser::start().await;
    browser.open(SYMPTOMS).await;
    for (message, line, page) in PASTED {
        filter(&browser, message).await;
        let (lines, _, _, said) = filtered(&browser).await;
        assert!(lines.len() < 6, "{message}: {said}");
        assert!(lines.iter().any(|it| it.contains(line)), "{message}: {lines:#?}");
        let leads = format!(
            "return [...document.querySelectorAll('main > ul > li a')].some(it => it.checkVisibility() && it.href.includes('{page}'))"
        );
        assert_eq!(browser.script(&leads).await, json!(true), "{message}: {page}");
    }
    filter(&browser, "xyzzy plugh").await;
    let (lines, headings, _, said) = filtered(&browser).await;
    assert_eq!((lines.len(), headings.len()), (0, 0));
    assert!(said.contains("No line"), "{said}");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_filter_of_symptoms_fits_each_window_and_is_not_printed() {
    let browser = Browser::start().await;
    let mut found = String::new();
    for width in [Width::Wide, Width::Narrow] {
        for theme in [Theme::Light, Theme::Dark] {
            browser.look(width, theme).await;
            browser.open(SYMPTOMS).await;
            for words in ["", "select! loop", "xyzzy"] {
                filter(&browser, words).await;
                let fits = "return document.documentElement.scrollWidth <= innerWidth";
                assert_eq!(
                    browser.script(fits).await,
                    json!(true),
                    "{words}, {width:?}"
                );
                for line in axe(&browser, Rules::All).await {
                    let _ = writeln!(found, "{words}, {width:?}, {theme:?}: {line}");
                }
            }
        }
    }
    assert!(found.is_empty(), "{found}");
    let shown = "return document.querySelector('.filter').checkVisibility()";
    assert_eq!(browser.script(shown).await, json!(true));
    browser.devtools("Emulation.setEmulatedMedia", json!({ "media": "print" })).await;
    assert_eq!(browser.script(shown).await, json!(false));
    browser
        .devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
        .await;
    browser.open(SYMPTOMS).await;
    let without = "return [document.querySelector('.filter input'), document.querySelector('.filter').checkVisibility()]";
    assert_eq!(browser.script(without).await, json!([null, false]), "without scripts");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn text_code_figures_and_proofs_are_complete_with_scripts_off() {
    let browser = Browser::start().await;
    let text = "const page = document.body.cloneNode(true); \
                page.querySelectorAll('.tools, .on-this-page, script, .needs-script').forEach(it => it.remove()); \
                return [page.textContent.replace(/\\s+/g, ' '), page.querySelectorAll('pre code').length, \
                document.querySelectorAll('svg rect').length, document.querySelectorAll('#contents a').length]";
    browser.open(RICH).await;
    let with_scripts = browser.script(text).await;
    browser
        .devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
        .await;
    browser.open(RICH).await;
    assert_eq!(
        browser.script("return document.documentElement.className").await,
        json!(""),
        "no script ran"
    );
    let without = browser.script(text).await;
    assert_eq!(with_scripts, without);
    // A proof and the list of pages open without one, too.
    browser
        .open(&format!("{RICH}#promise-bounded-concurrency-a_crawl_can_be_spawned"))
        .await;
    let shown = "return document.getElementById('promise-bounded-concurrency-a_crawl_can_be_spawned').checkVisibility()";
    browser.until("the proof", shown).await;
    browser.look(Width::Narrow, Theme::Light).await;
    browser.click(".menu").await;
    assert_eq!(
        browser
            .script("return document.querySelector('#contents a').checkVisibility()")
            .await,
        json!(true)
    );
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_figure_fits_its_column_and_says_its_times() {
    let browser = Browser::start().await;
    for (width, drawing, other) in
        [(Width::Wide, "wide", "narrow"), (Width::Narrow, "narrow", "wide")]
    {
        browser.look(width, Theme::Light).await;
        browser.open(RICH).await;
        let facts = format!(
            "const figure = document.querySelector('.drawing'); \
             const svg = figure.querySelector('svg.{drawing}').getBoundingClientRect(); \
             const text = figure.querySelector('svg.{drawing} .label').getBoundingClientRect(); \
             return [Math.round(svg.width) <= figure.clientWidth, text.height > 11, \
             figure.querySelector('svg.{other}').checkVisibility()]"
        );
        assert_eq!(
            browser.script(&facts).await,
            json!([true, true, false]),
            "{width:?}"
        );
    }
    let label = browser.devtools("Accessibility.getFullAXTree", json!({})).await;
    let images: Vec<&Value> = label["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .filter(|node| {
            matches!(node["role"]["value"].as_str(), Some("image" | "img"))
                && node["ignored"] == json!(false)
        })
        .collect();
    let name = images.iter().find_map(|node| {
        node["name"]["value"].as_str().filter(|name| name.contains("buffer_unordered"))
    });
    assert!(
        name.is_some_and(
            |name| name.contains("slow: in flight from 0 ms to 100 ms, done at 100 ms")
        ),
        "{images:#?}"
    );
    browser.click(".drawing details summary").await;
    assert_eq!(
        browser
            .script("return document.querySelector('.times table').checkVisibility()")
            .await,
        json!(true)
    );
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn motion_is_reduced_when_asked() {
    let browser = Browser::start().await;
    browser.open(RICH).await;
    let scroll = "return getComputedStyle(document.documentElement).scrollBehavior";
    assert_eq!(browser.script(scroll).await, json!("auto"));
    let moving = "return document.getAnimations().length + [...document.querySelectorAll('*')]\
                  .filter(it => parseFloat(getComputedStyle(it).transitionDuration) > 0).length";
    assert_eq!(browser.script(moving).await, json!(0));
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_page_prints_in_light_colours_without_the_frame() {
    let browser = Browser::start().await;
    browser.look(Width::Narrow, Theme::Dark).await;
    browser.open(RICH).await;
    let paper = json!({ "media": "print", "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    browser.devtools("Emulation.setEmulatedMedia", paper).await;
    let facts = "const seen = css => document.querySelector(css).checkVisibility(); \
                 return [getComputedStyle(document.documentElement).backgroundColor, seen('.top'), seen('#contents'), \
                 seen('.tools'), seen('.drawing svg.wide'), seen('.drawing svg.narrow'), seen('h1')]";
    let wanted = json!(["rgb(255, 255, 255)", false, false, false, true, false, true]);
    assert_eq!(browser.script(facts).await, wanted);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_book_prints_as_one_with_all_its_figures_and_charts() {
    let browser = Browser::start().await;
    browser.be_patient().await;
    browser.open("print.html").await;
    let figures = book_tests::shown(book_tests::the_book())
        .filter(|shown| matches!(shown, Shown::Figure(_) | Shown::Chart(_)))
        .count();
    let shown = "return [...document.querySelectorAll('.drawing svg.wide')].filter(it => it.checkVisibility()).length";
    assert_eq!(browser.script(shown).await, json!(figures));
    let pdf = browser.pdf().await;
    assert!(pdf.starts_with(b"%PDF"), "a PDF");
    // One fill pattern, the hatch, is defined by each drawing; text of figures is text in the PDF.
    let pages = pdf
        .windows(12)
        .filter(|bytes| bytes == b"/Type /Page\n" || bytes == b"/Type /Page ")
        .count();
    println!("{} bytes, {pages} pages, {figures} figures", pdf.len());
    assert!(pages > 40, "{pages} pages");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_book_can_be_read_from_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, mut cache) = (book_tests::root(), Cache::default());
    let built =
        book::mdbook::build(&root, Some(&folder.path().join("out")), &mut cache);
    let html = built.expect("it builds").html;
    let browser = Browser::start().await;
    browser.goto(&format!("file://{}/{RICH}", html.display())).await;
    browser.script("return document.fonts.ready.then(() => true)").await;
    let loaded =
        "return [...document.fonts].filter(it => it.status === 'loaded').length > 0";
    assert_eq!(browser.script(loaded).await, json!(true));
    browser.press("/").await;
    browser.press("JoinSet").await;
    browser
        .until("results", "return document.querySelector('#search-results a') !== null")
        .await;
    browser.click("#search-results a").await;
    browser.until("a page", "return location.protocol === 'file:' && document.querySelector('h1') !== null").await;
    assert_eq!(browser.console().await, Vec::<String>::new());
    let asked = fetched(&browser).await;
    assert!(asked.values().all(|(url, _)| url.starts_with("file://")), "{asked:?}");
}
