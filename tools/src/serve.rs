//! Serves the book on 127.0.0.1 and rebuilds it when its sources change.
//!
//! One thread builds; a build goes to a fresh folder, and only when it has succeeded do requests see it. A broken
//! edit is told in the terminal and in a banner on every page, above the last good book, until it is mended.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RANGE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::html;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};
use tower_livereload::{LiveReloadLayer, Reloader};

use crate::destination::{DestinationError, Scratch, sweep};
use crate::mdbook;
use crate::source::{Cache, is_left_over};

/// Changes that come within this time of each other are one change.
const DEBOUNCE: Duration = Duration::from_millis(60);

/// The longest that a change waits for others: a file that is written all the time holds nothing up.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The folders that the book is made of, below its root.
const FOLDERS: [&str; 3] = ["src", "listings", "theme"];

/// The files that the book is made of, in its root.
const FILES: [&str; 4] =
    ["book.toml", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"];

/// A longer path is no page of the book.
const LONGEST_PATH: usize = 1024;

/// Nor does a file have a longer name, on any system.
const LONGEST_NAME: usize = 255;

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
    /// No folder for the built book.
    #[error("cannot make a temporary folder: {0}")]
    Folder(#[from] DestinationError),
    /// The thread that builds is gone.
    #[error("the build panicked; its message is above")]
    Panicked,
}

/// A server that listens and has built the book once.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    site: Arc<Site>,
    took: Duration,
    livereload: LiveReloadLayer,
}

/// The book as it is served now.
#[derive(Debug)]
struct Site {
    served: RwLock<Served>,
}

/// A built book.
#[derive(Debug)]
struct Built {
    /// Goes away with the book.
    _folder: Scratch,
    pages: PathBuf,
    took: Duration,
}

#[derive(Debug)]
struct Served {
    /// The last good book.
    book: Arc<Built>,
    /// What is wrong with the sources now.
    error: Option<String>,
}

impl Server {
    /// Builds the book and listens on 127.0.0.1; port 0 is any that is free.
    ///
    /// # Errors
    /// The port is in use, the sources cannot be watched, or the book has mistakes.
    ///
    /// # Cancel safety
    /// Dropped while the book is built, it leaves no folder and no thread once that build has ended.
    pub async fn start(root: &Path, port: u16) -> Result<Self, ServeError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortInUse(port),
            _ => ServeError::Listen(port, error),
        })?;
        let address =
            listener.local_addr().map_err(|error| ServeError::Listen(port, error))?;
        let livereload = LiveReloadLayer::new();
        let reloader = livereload.reloader();
        let (first, built) = oneshot::channel();
        let root = root.to_owned();
        thread::spawn(move || build_all(&root, first, &reloader));
        let site = built.await.map_err(|_| ServeError::Panicked)??;
        let took = site.read().0.took;
        Ok(Self { listener, address, site, took, livereload })
    }

    /// Where the book can be read.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How long the build took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Serves and follows edits. Drop the future to stop: open connections are closed with it, and the thread that
    /// builds ends after the build that it is at.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn run(self) -> Result<(), ServeError> {
        let router = Router::new()
            .fallback(page)
            .with_state(self.site)
            .layer(self.livereload)
            .layer(CompressionLayer::new().quality(CompressionLevel::Best));
        let port = self.address.port();
        axum::serve(self.listener, router)
            .await
            .map_err(|error| ServeError::Listen(port, error))
    }
}

/// The thread that builds: first for [`Server::start`], then for each edit, until nobody serves the site any more.
fn build_all(
    root: &Path,
    first: oneshot::Sender<Result<Arc<Site>, ServeError>>,
    reloader: &Reloader,
) {
    let mut cache = Cache::default();
    sweep(&std::env::temp_dir());
    // Watched before it is built, so that no edit goes unseen.
    let started = Sources::watch(root).and_then(|sources| {
        let book = Arc::new(rebuild(root, &mut cache)?);
        let served = RwLock::new(Served { book, error: None });
        Ok((sources, Arc::new(Site { served })))
    });
    let (mut sources, site) = match started {
        Ok((sources, site)) => (sources, site),
        Err(error) => {
            // Nobody may be there to hear it.
            let _ = first.send(Err(error));
            return;
        }
    };
    let served = Arc::downgrade(&site);
    if first.send(Ok(site)).is_err() {
        return;
    }
    while sources.changed(|| served.strong_count() > 0) {
        let built = rebuild(root, &mut cache);
        let Some(site) = served.upgrade() else { return };
        match built {
            Ok(book) => {
                println!("Rebuilt in {} ms", book.took.as_millis());
                site.write(|served| {
                    (served.book, served.error) = (Arc::new(book), None);
                });
            }
            Err(error) => {
                let error = error.to_string();
                eprintln!(
                    "The book has a mistake; the last good one is served.\n\n{error}\n"
                );
                site.write(|served| served.error = Some(error));
            }
        }
        reloader.reload();
    }
}

fn rebuild(root: &Path, cache: &mut Cache) -> Result<Built, ServeError> {
    let folder = Scratch::beside(&std::env::temp_dir().join("book"))?;
    let built = mdbook::build_for_serving(root, folder.path(), cache)
        .map_err(ServeError::Book)?;
    Ok(Built { _folder: folder, pages: built.html, took: built.took })
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

impl Site {
    fn write(&self, change: impl FnOnce(&mut Served)) {
        change(&mut self.served.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> (Arc<Built>, Option<String>) {
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&served.book), served.error.clone())
    }
}

async fn page(State(site): State<Arc<Site>>, mut request: Request) -> Response {
    let (book, error) = site.read();
    let path = request.uri().path();
    if path.len() > LONGEST_PATH
        || path.split('/').any(|name| name.len() > LONGEST_NAME)
    {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    // Pages grow on their way out, so that a part of one would have the wrong length.
    request.headers_mut().remove(RANGE);
    // A file with a hash in its name never changes; a page may, at the next edit.
    let caching = if is_hashed(request.uri().path()) {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    let missing = ServeFile::new(book.pages.join("404.html"));
    let files = ServeDir::new(&book.pages).not_found_service(missing);
    let mut response = match files.oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    let caching = if response.status().is_success() { caching } else { "no-store" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    match error {
        Some(error) if is_html(&response) => with_banner(response, &error).await,
        _ => response,
    }
}

/// As mdBook names what it copies: `book-0123abcd.css`.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['-', '.'])
        .any(|part| part.len() == 8 && part.chars().all(|c| c.is_ascii_hexdigit()))
}

fn is_html(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// The page with what is wrong at its top.
async fn with_banner(response: Response, error: &str) -> Response {
    let (mut head, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = String::from_utf8_lossy(&bytes);
    let banner = html! {
        div role="alert" id="book-mistake" {
            p { "The book has a mistake; this is the last good one." }
            pre { (error) }
        }
    };
    let banner = banner.into_string();
    let at = page
        .find("<body")
        .and_then(|at| Some(at + page[at..].find('>')? + 1))
        .unwrap_or(0);
    let page = format!("{}{banner}{}", &page[..at], &page[at..]);
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(page))
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
