//! The pages for reference. *Which page has my bug?* repeats what the compiler, the crates and the system say, word by
//! word, and the glossary can be looked through.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use book_tests::{Rendered, files, root, selector};
use scraper::ElementRef;
use tokio::sync::mpsc;

const SYMPTOMS: &str = "reference/symptoms.html";
const GLOSSARY: &str = "reference/glossary.html";

/// Who says what no test, listing or recording of the book repeats.
enum Says {
    /// A file of a crate.
    Crate(&'static str, &'static str),
    /// What is run here.
    Run(fn() -> String),
    /// Something else, which this names.
    Other(&'static str),
}
use Says::{Crate, Other, Run};

const ELSEWHERE: [(&str, Says); 24] = [
    (
        "dynamic SQL strings should be audited for possible injections",
        Crate("sqlx-core", "src/sql_str.rs"),
    ),
    (
        "undefined symbol: _critical_section_1_0_acquire",
        Other("lld, about a symbol that the crate critical-section declares"),
    ),
    (
        "thread 'tokio-rt-worker' has overflowed its stack",
        Other("Rust's handler of SIGSEGV, and the process ends"),
    ),
    ("called Result::unwrap() on an Err value: SendError …", Run(unwrapped_send)),
    (
        "called Result::unwrap() on an Err value: JoinError::Panic(…)",
        Run(unwrapped_task),
    ),
    (
        "cannot access a task-local storage value without setting it first",
        Crate("tokio", "src/task/task_local.rs"),
    ),
    (
        "time::pause() requires the current_thread Tokio runtime",
        Crate("tokio", "src/time/clock.rs"),
    ),
    ("max_size must be non-zero", Crate("tokio-stream", "src/stream_ext.rs")),
    ("capacity > 0", Crate("futures-util", "src/stream/stream/chunks.rs")),
    ("channel closed", Crate("tokio", "src/sync/mpsc/error.rs")),
    ("channel lagged by …", Crate("tokio", "src/sync/broadcast.rs")),
    ("error sending request", Crate("reqwest", "src/error.rs")),
    ("error decoding response body", Crate("reqwest", "src/error.rs")),
    ("operation timed out", Crate("reqwest", "src/error.rs")),
    ("Connection reset by peer", Other("the C library, for ECONNRESET")),
    ("Too many open files", Other("the C library, for EMFILE")),
    (
        "Connection reset without closing handshake",
        Crate("tungstenite", "src/error.rs"),
    ),
    ("Space limit exceeded", Crate("tungstenite", "src/error.rs")),
    ("Write buffer is full", Crate("tungstenite", "src/error.rs")),
    (
        "pool timed out while waiting for an open connection",
        Crate("sqlx-core", "src/error.rs"),
    ),
    ("idle in transaction", Other("PostgreSQL, in pg_stat_activity")),
    ("OS file watch limit reached", Crate("notify", "src/error.rs")),
    ("Device or resource busy", Other("the C library, for EBUSY")),
    ("tasks get canceled when dropped", Crate("async-task", "src/task.rs")),
];

/// The message of a panic.
fn panics(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it panics");
    *panic.downcast::<String>().expect("a message with a value in it")
}

fn unwrapped_send() -> String {
    let (sender, _) = mpsc::channel(1);
    panics(|| sender.blocking_send(7).unwrap())
}

fn unwrapped_task() -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    panics(|| {
        runtime.block_on(async { tokio::spawn(async { panic!("7") }).await.unwrap() });
    })
}

/// Text as it is compared: how it is quoted and where its lines end says nothing.
fn plain(text: &str) -> String {
    let text = text.replace("\\\n", " ");
    let text = text.replace(['`', '\'', '"', '\\'], "");
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Whether `text` has all parts of a message, in their order; `…` stands for a name or value of the reader's own.
fn says(text: &str, message: &str) -> bool {
    let message = plain(message);
    let mut parts = message.split('…').map(str::trim).filter(|it| !it.is_empty());
    let mut rest = text;
    parts.all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// What the compiler has said to refused listings, what programs have printed, and what tests and findings look for.
fn said_in_the_book() -> Vec<String> {
    let folders = ["listings", "findings"].map(|folder| root().join(folder));
    let all = folders
        .iter()
        .flat_map(|folder| files(folder).into_iter().map(|file| folder.join(file)));
    let said = all.filter(|path| speaks(path));
    said.map(|path| plain(&fs::read_to_string(path).expect("text"))).collect()
}

fn speaks(path: &Path) -> bool {
    let text = path.to_str().expect("a path of ours").replace('\\', "/");
    match path.extension().and_then(|it| it.to_str()) {
        Some("stderr" | "out" | "sh") => true,
        Some("rs") => text.contains("/tests/") || text.ends_with("/tests.rs"),
        _ => false,
    }
}

/// A file of a crate, in the versions of our `Cargo.lock` that cargo has unpacked.
fn sources(name: &str, file: &str) -> Vec<PathBuf> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Table = lock.parse().expect("Cargo.lock is TOML");
    let packages = lock["package"].as_array().expect("packages");
    let versions = packages.iter().filter(|it| it["name"].as_str() == Some(name));
    let versions: Vec<_> =
        versions.map(|it| it["version"].as_str().expect("a version")).collect();
    assert!(!versions.is_empty(), "{name} is in no Cargo.lock of ours");
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let registries = home.map(|home| home.join("registry/src"));
    let registries = registries.and_then(|folder| fs::read_dir(folder).ok());
    let registries = registries.into_iter().flatten().flatten().map(|it| it.path());
    registries
        .flat_map(|it| {
            versions.iter().map(move |version| it.join(format!("{name}-{version}")))
        })
        .filter(|folder| folder.is_dir())
        .map(|folder| folder.join(file))
        .collect()
}

/// The lines of the page.
fn lines() -> Vec<(String, Vec<String>, usize)> {
    let (entry, message, link) =
        (selector("main > ul > li"), selector("em"), selector("a"));
    let text = |it: ElementRef<'_>| it.text().collect::<String>();
    let page = Rendered::book().page(SYMPTOMS);
    let lines = page.select(&entry).map(|it| {
        (text(it), it.select(&message).map(text).collect(), it.select(&link).count())
    });
    lines.collect()
}

#[test]
fn each_message_is_said_by_the_compiler_a_crate_or_the_system() {
    let said = said_in_the_book();
    let in_the_book = |message: &str| said.iter().any(|it| says(it, message));
    let mut problems = Vec::new();
    let messages: Vec<_> =
        lines().into_iter().flat_map(|(_, messages, _)| messages).collect();
    assert!(messages.len() > 100, "the page has messages");
    for message in &messages {
        let elsewhere = ELSEWHERE.iter().any(|(it, _)| it == message);
        if !elsewhere && !in_the_book(message) {
            problems.push(format!("nobody says: {message}"));
        }
    }
    for (message, by) in &ELSEWHERE {
        if !messages.iter().any(|it| it == message) {
            problems.push(format!("the page does not have: {message}"));
        } else if in_the_book(message) {
            problems.push(format!("the book says itself: {message}"));
        }
        match by {
            Run(run) => {
                let told = run();
                if !says(&plain(&told), message) {
                    problems.push(format!("it says {told}, and not: {message}"));
                }
            }
            Crate(name, file) => {
                for source in sources(name, file) {
                    let text = fs::read_to_string(&source).unwrap_or_default();
                    if !says(&plain(&text), message) {
                        problems.push(format!("{} lacks: {message}", source.display()));
                    }
                }
            }
            Other(who) => assert!(!who.is_empty()),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_message_is_found_with_other_names_and_not_with_other_words() {
    let told =
        plain("error[E0373]: async block may outlive `f`, but it\n  borrows `shop`");
    assert!(says(&told, "async block may outlive …, but it borrows `…`"));
    assert!(!says(&told, "async closure may outlive …"));
    assert!(!says(&told, "it borrows …, but async block"), "in this order");
}

#[test]
fn each_line_leads_to_one_page_and_each_group_can_be_looked_through() {
    for (text, _, links) in lines() {
        assert_eq!(links, 1, "{text}");
    }
    let page = Rendered::book().page(SYMPTOMS);
    let group = selector("main > ul");
    for group in page.select(&group) {
        let lines = group.child_elements().count();
        let first = group.text().take(1).collect::<String>();
        assert!(lines <= 25, "{lines} lines, from: {first}");
    }
}

#[test]
fn the_terms_of_the_glossary_are_sorted_and_lead_on() {
    let page = Rendered::book().page(GLOSSARY);
    let (terms, meaning, link) =
        (selector("main dt"), selector("main dd"), selector("a[href]"));
    let text = |it: ElementRef<'_>| it.text().collect::<String>();
    let names: Vec<_> = page.select(&terms).map(text).collect();
    assert!(names.len() > 100, "{}", names.len());
    let key = |name: &String| -> String {
        let name = name.to_lowercase().replace('-', " ");
        name.chars().filter(|it| it.is_alphanumeric() || *it == ' ').collect()
    };
    let keys: Vec<_> = names.iter().map(key).collect();
    assert!(keys.is_sorted(), "{:?}", keys.windows(2).find(|two| two[0] > two[1]));
    assert!(!keys.windows(2).any(|two| two[0] == two[1]), "a term stands twice");
    let meanings: Vec<_> = page.select(&meaning).collect();
    assert_eq!(meanings.len(), names.len(), "each term is explained once");
    for (name, meaning) in names.iter().zip(meanings) {
        assert!(meaning.select(&link).next().is_some(), "{name} leads nowhere");
    }
}
