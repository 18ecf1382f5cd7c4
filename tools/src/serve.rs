//! Serves the book on 127.0.0.1 and renders again what an edit of its sources changes.
//!
//! One thread follows the sources. Requests see an edit when it is rendered; a broken one is told in the terminal and
//! in a banner on every page, above the last good book, until it is mended. A page asks, with a script that is put at its
//! end, whether something has changed, and the answer waits until something has.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Cursor};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use maud::html;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use percent_encoding::percent_decode_str;
use tiny_http::{Header, Method, Request, Response};

use crate::destination::sweep;
use crate::live::{Change, Live};
use crate::source::is_left_over;

/// Changes that come within this time of each other are one change.
const DEBOUNCE: Duration = Duration::from_millis(30);

/// The longest that a change waits for others: a file that is written all the time holds nothing up.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The longest that a page waits for an answer to whether something has changed.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);

/// How long the end waits for a rendering that is under way.
const GRACE: Duration = Duration::from_secs(1);

/// The folders that the book is made of, below its root.
const FOLDERS: [&str; 3] = ["src", "listings", "theme"];

/// The files that the book is made of, in its root.
const FILES: [&str; 4] =
    ["book.toml", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"];

/// A longer path is no page of the book.
const LONGEST_PATH: usize = 1024;

/// Nor does a file have a longer name, on any system.
const LONGEST_NAME: usize = 255;

/// Where a page asks whether the book has changed; what follows is the version that it has.
const CHANGED: &str = "/changed-since/";

/// Why the book cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error(
        "port {0} is in use; choose another with --port N, or --port 0 for any that is free"
    )]
    PortInUse(u16),
    /// The port cannot be had for another reason.
    #[error("cannot listen on port {0}: {1}")]
    Listen(u16, io::Error),
    /// The book does not build.
    #[error("{0:#}")]
    Book(anyhow::Error),
    /// The sources cannot be watched.
    #[error("cannot watch the sources of the book: {0}")]
    Watch(#[from] notify::Error),
    /// Nobody follows the sources any more.
    #[error("the thread that renders the book panicked; its message is above")]
    Panicked,
}

/// A server that listens and has built the book once.
pub struct Server {
    address: SocketAddr,
    site: Arc<Site>,
    took: Duration,
}

/// The book as it is served now.
struct Site {
    http: tiny_http::Server,
    /// `None` when the server has ended. Who has this lock may take the other one, and not the other way round.
    live: Mutex<Option<Live>>,
    served: Mutex<Served>,
    moved: Condvar,
}

#[derive(Debug)]
struct Served {
    /// The folder of the last good book.
    html: PathBuf,
    /// What is wrong with the sources now.
    error: Option<String>,
    /// Another one with each change, and after each start.
    version: u128,
    /// Nobody follows the sources any more.
    panicked: bool,
}

impl Server {
    /// Builds the book and listens on 127.0.0.1; port 0 is any that is free.
    ///
    /// # Errors
    /// The port is in use, the sources cannot be watched, or the book has mistakes.
    pub fn start(root: &Path, port: u16) -> Result<Self, ServeError> {
        let start = Instant::now();
        let listen = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortInUse(port),
            _ => ServeError::Listen(port, error),
        };
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        sweep(&std::env::temp_dir());
        // Watched before it is built, so that no edit goes unseen.
        let sources = Sources::watch(root)?;
        let live = Live::build(root).map_err(ServeError::Book)?;
        let http = tiny_http::Server::from_listener(listener, None)
            .map_err(|error| listen(io::Error::other(error)))?;
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let served = Served {
            html: live.html().to_owned(),
            error: None,
            version: since.as_nanos(),
            panicked: false,
        };
        let site = Arc::new(Site {
            http,
            live: Mutex::new(Some(live)),
            served: Mutex::new(served),
            moved: Condvar::new(),
        });
        thread::spawn({
            let site = Arc::downgrade(&site);
            move || follow(sources, &site)
        });
        Ok(Self { address, site, took: start.elapsed() })
    }

    /// Where the book can be read.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How long the build took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Serves and follows edits, until [`stop`](Self::stop). Then the folder of the book goes away, unless it is being
    /// rendered for longer than a second: the next start sweeps it.
    ///
    /// # Errors
    /// Nobody can follow the sources any more.
    pub fn run(&self) -> Result<(), ServeError> {
        for request in self.site.http.incoming_requests() {
            let site = Arc::clone(&self.site);
            // One that waits holds up no other.
            thread::spawn(move || site.answer(request));
        }
        self.site.end();
        if self.site.served().panicked { Err(ServeError::Panicked) } else { Ok(()) }
    }

    /// Lets [`run`](Self::run) return, from any thread.
    pub fn stop(&self) {
        self.site.http.unblock();
    }
}

/// The thread that follows the sources, until nobody serves the site any more.
fn follow(mut sources: Sources, site: &Weak<Site>) {
    struct Told<'a>(&'a Weak<Site>);
    impl Drop for Told<'_> {
        fn drop(&mut self) {
            if thread::panicking()
                && let Some(site) = self.0.upgrade()
            {
                site.served().panicked = true;
                site.http.unblock();
            }
        }
    }
    let _told = Told(site);
    while sources.changed(|| site.strong_count() > 0) {
        let Some(site) = site.upgrade() else { return };
        let mut live = lock(&site.live);
        let Some(live) = live.as_mut() else { return };
        site.follow(live);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    fn served(&self) -> MutexGuard<'_, Served> {
        lock(&self.served)
    }

    fn follow(&self, live: &mut Live) {
        let start = Instant::now();
        let error = match live.follow() {
            Ok(change) => {
                let what = match &change {
                    Change::All => "all pages".to_owned(),
                    Change::Pages(pages) if pages.is_empty() => "no page".to_owned(),
                    Change::Pages(pages) => pages.join(", "),
                };
                println!("Rendered {what} in {} ms", start.elapsed().as_millis());
                None
            }
            Err(error) => {
                let error = format!("{error:#}");
                eprintln!(
                    "The book has a mistake; the last good one is served.\n\n{error}\n"
                );
                Some(error)
            }
        };
        let mut served = self.served();
        live.html().clone_into(&mut served.html);
        served.error = error;
        served.version += 1;
        self.moved.notify_all();
    }

    /// Removes the folder of the book, and lets those go who wait for a change.
    fn end(&self) {
        let start = Instant::now();
        while start.elapsed() < GRACE {
            let live = match self.live.try_lock() {
                Ok(mut live) => live.take(),
                Err(TryLockError::Poisoned(live)) => live.into_inner().take(),
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(Duration::from_millis(10));
                    continue;
                }
            };
            drop(live);
            break;
        }
        self.served().version += 1;
        self.moved.notify_all();
    }

    fn answer(&self, request: Request) {
        let response = match request.method() {
            Method::Get | Method::Head => self.page(request.url()),
            _ => with_status(405, "text/plain", b"The book can be read.".to_vec()),
        };
        // Who asked may be gone.
        let _ = request.respond(response);
    }

    fn page(&self, url: &str) -> Response<Cursor<Vec<u8>>> {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        if let Some(version) = path.strip_prefix(CHANGED) {
            return self.changed_since(version);
        }
        if path.len() > LONGEST_PATH
            || path.split('/').any(|name| name.len() > LONGEST_NAME)
        {
            return with_status(
                414,
                "text/plain",
                b"No page has such a path.".to_vec(),
            );
        }
        let name = inside(path);
        // Other files need no lock, and wait for no rendering.
        if let Some(name) = name.as_deref().filter(|it| Live::ON_DEMAND.contains(it))
            && let Some(live) = &*lock(&self.live)
            && let Err(error) = live.on_demand(name)
        {
            eprintln!("{name}: {error:#}");
        }
        // Until the end: a page with an older text than its version says would not be loaded again.
        let served = self.served();
        let read = |name: &str| fs::read(served.html.join(name));
        let found =
            name.as_deref().and_then(|name| Some((200, name, read(name).ok()?)));
        let (status, name, bytes) =
            found.unwrap_or_else(|| (404, MISSING, read(MISSING).unwrap_or_default()));
        let kind = kind(name);
        if kind != HTML {
            // A file with a hash in its name never changes.
            let is_hashed = status == 200 && is_hashed(name);
            let caching = if is_hashed {
                "public, max-age=31536000, immutable"
            } else {
                "no-store"
            };
            return with_status(status, kind, bytes)
                .with_header(header("Cache-Control", caching));
        }
        let page = String::from_utf8_lossy(&bytes);
        let page = with_banner(&page, served.error.as_deref());
        let page = with_reload(&page, served.version);
        with_status(status, kind, page.into_bytes())
            .with_header(header("Cache-Control", "no-store"))
    }

    /// Waits until the book is another one than that of `version`, and says so.
    fn changed_since(&self, version: &str) -> Response<Cursor<Vec<u8>>> {
        let same = |served: &mut Served| served.version.to_string() == version;
        let (served, _) = self
            .moved
            .wait_timeout_while(self.served(), LONGEST_ANSWER, same)
            .unwrap_or_else(PoisonError::into_inner);
        let answer =
            if served.version.to_string() == version { "same" } else { "changed" };
        drop(served);
        with_status(200, "text/plain", answer.into())
            .with_header(header("Cache-Control", "no-store"))
    }
}

/// The file that a path means, from the folder of the pages; `None` if it leads elsewhere.
fn inside(path: &str) -> Option<String> {
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let mut name = path.strip_prefix('/')?.to_owned();
    if name.is_empty() || name.ends_with('/') {
        name.push_str("index.html");
    }
    let is_name = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0'])
    };
    name.split('/').all(is_name).then_some(name)
}

/// What mdBook makes for an address that leads nowhere.
const MISSING: &str = "404.html";

const HTML: &str = "text/html; charset=utf-8";

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => HTML,
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn header(name: &'static str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("names and values above are ASCII")
}

fn with_status(status: u16, kind: &str, body: Vec<u8>) -> Response<Cursor<Vec<u8>>> {
    Response::from_data(body)
        .with_status_code(status)
        .with_header(header("Content-Type", kind))
        .with_chunked_threshold(usize::MAX)
}

/// As mdBook names what it copies: `book-0123abcd.css`.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['-', '.'])
        .any(|part| part.len() == 8 && part.chars().all(|c| c.is_ascii_hexdigit()))
}

/// The page with what is wrong at its top.
fn with_banner(page: &str, error: Option<&str>) -> String {
    let Some(error) = error else { return page.to_owned() };
    let banner = html! {
        div role="alert" id="book-mistake" {
            p { "The book has a mistake; this is the last good one." }
            pre { (error) }
        }
    };
    let at = page
        .find("<body")
        .and_then(|at| Some(at + page[at..].find('>')? + 1))
        .unwrap_or(0);
    [&page[..at], &banner.into_string(), &page[at..]].concat()
}

/// The page with a script that loads it again when the book is another one than that of `version`.
fn with_reload(page: &str, version: u128) -> String {
    let script = format!(
        r#"<script>
(async () => {{
  for (;;) {{
    try {{
      const answer = await fetch("{CHANGED}{version}");
      if (await answer.text() === "changed") return location.reload();
    }} catch {{
      await new Promise(resolve => setTimeout(resolve, 1000));
    }}
  }}
}})();
</script>
"#
    );
    let at = page.rfind("</body>").unwrap_or(page.len());
    [&page[..at], &script, &page[at..]].concat()
}

/// The sources of the book, watched.
struct Sources {
    root: PathBuf,
    watcher: RecommendedWatcher,
    events: mpsc::Receiver<Vec<PathBuf>>,
    /// The folders that are watched now.
    watched: BTreeSet<&'static str>,
}

impl Sources {
    fn watch(root: &Path) -> Result<Self, ServeError> {
        let (sender, events) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(
            move |event: notify::Result<notify::Event>| {
                // A build reads its sources, which is an event, too.
                let paths = match event {
                    Ok(event) if event.kind.is_access() => return,
                    Ok(event) => event.paths,
                    // Something was missed: look at everything.
                    Err(_) => Vec::new(),
                };
                let _ = sender.send(paths);
            },
        )?;
        watcher.watch(root, RecursiveMode::NonRecursive)?;
        let root = root.to_owned();
        let mut sources = Self { root, watcher, events, watched: BTreeSet::new() };
        for folder in FOLDERS {
            if sources.root.join(folder).is_dir() {
                sources
                    .watcher
                    .watch(&sources.root.join(folder), RecursiveMode::Recursive)?;
                sources.watched.insert(folder);
            }
        }
        Ok(sources)
    }

    /// Waits until the book has changed, and a little longer for what comes with it; `false` when nobody is
    /// interested any more.
    fn changed(&mut self, interested: impl Fn() -> bool) -> bool {
        let mut deadline: Option<Instant> = None;
        loop {
            let wait = match deadline {
                None => LONGEST_WAIT,
                Some(deadline) => {
                    DEBOUNCE.min(deadline.saturating_duration_since(Instant::now()))
                }
            };
            match self.events.recv_timeout(wait) {
                Ok(paths) => {
                    if deadline.is_none() && self.concern(&paths) {
                        deadline = Some(Instant::now() + LONGEST_WAIT);
                    }
                    let over =
                        deadline.is_some_and(|deadline| deadline <= Instant::now());
                    if over {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) if deadline.is_some() => break,
                Err(RecvTimeoutError::Timeout) if interested() => {}
                Err(_) => return false,
            }
        }
        self.follow_folders();
        true
    }

    /// Whether a change of these files is one of the book.
    fn concern(&self, paths: &[PathBuf]) -> bool {
        let of_book = |path: &PathBuf| {
            let Ok(inside) = path.strip_prefix(&self.root) else { return true };
            let mut parts = inside.iter().map(|part| part.to_string_lossy());
            let Some(first) = parts.next() else { return false };
            let known = FOLDERS.contains(&&*first)
                || FILES.contains(&&*first) && inside.components().count() == 1;
            known && !parts.any(|part| is_left_over(&part))
        };
        paths.is_empty() || paths.iter().any(of_book)
    }

    /// A folder that was renamed or made again is another one to the system: watches it anew.
    fn follow_folders(&mut self) {
        for folder in FOLDERS {
            let path = self.root.join(folder);
            let was_there = self.watched.remove(folder);
            if was_there {
                // It may be gone, and its watch with it.
                let _ = self.watcher.unwatch(&path);
            }
            if path.is_dir() {
                match self.watcher.watch(&path, RecursiveMode::Recursive) {
                    Ok(()) => {
                        self.watched.insert(folder);
                    }
                    Err(error) => eprintln!("{folder}/ cannot be watched: {error}"),
                }
            } else if was_there {
                eprintln!(
                    "{folder}/ is gone; the book follows it again when it is back."
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_source_of_the_book_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources::watch(folder.path()).unwrap();
        let concerns = |file: &str| sources.concern(&[folder.path().join(file)]);
        for file in
            ["src", "src/a/b.md", "listings/p/src/a.rs", "theme/book.css", "book.toml"]
        {
            assert!(concerns(file), "{file}");
        }
        for file in [
            "out.log",
            ".book.toml.swp",
            "src/.a.md.swp",
            "src/a.md~",
            "target/x",
            "src2",
        ] {
            assert!(!concerns(file), "{file}");
        }
        assert!(sources.concern(&[]), "something was missed");
    }
}
