//! Serves the book on 127.0.0.1 and rebuilds it when its sources change.
//!
//! A build goes to a fresh folder; only when it has succeeded do requests see it. A broken edit is told in
//! the terminal and in a banner on every page, above the last good book, until it is mended.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};
use tower_livereload::{LiveReloadLayer, Reloader};

use crate::build;
use crate::text::html;

/// Changes that come within this time of each other are one change.
const DEBOUNCE: Duration = Duration::from_millis(60);

/// What is watched, below the root of the book.
const WATCHED: [(&str, RecursiveMode); 4] = [
    ("src", RecursiveMode::Recursive),
    ("listings", RecursiveMode::Recursive),
    ("theme", RecursiveMode::Recursive),
    (".", RecursiveMode::NonRecursive),
];

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
    Folder(io::Error),
}

/// A server that listens and has built the book once.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    site: Arc<Site>,
    took: Duration,
    watcher: RecommendedWatcher,
    edits: mpsc::Receiver<()>,
}

#[derive(Debug)]
struct Site {
    root: PathBuf,
    served: RwLock<Served>,
}

/// A built book.
#[derive(Debug)]
struct Built {
    /// Goes away with the book.
    _folder: TempDir,
    pages: PathBuf,
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
    pub async fn start(root: &Path, port: u16) -> Result<Self, ServeError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortInUse(port),
            _ => ServeError::Listen(port, error),
        })?;
        let address =
            listener.local_addr().map_err(|error| ServeError::Listen(port, error))?;
        // Watched before it is built, so that no edit goes unseen.
        let (edited, edits) = mpsc::channel(1);
        let watcher = watch(root, edited)?;
        let (book, took) = rebuild(root)?;
        let served = RwLock::new(Served { book: Arc::new(book), error: None });
        let site = Arc::new(Site { root: root.to_owned(), served });
        Ok(Self { listener, address, site, took, watcher, edits })
    }

    /// Where the book can be read.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How long the build took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Serves and watches. Drop the future to stop: open connections are closed with it.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn run(self) -> Result<(), ServeError> {
        let livereload = LiveReloadLayer::new();
        let reloader = livereload.reloader();
        let _watcher = self.watcher;
        let router = Router::new()
            .fallback(page)
            .with_state(Arc::clone(&self.site))
            .layer(livereload)
            .layer(CompressionLayer::new().quality(CompressionLevel::Best));
        let port = self.address.port();
        tokio::select! {
            result = axum::serve(self.listener, router) => {
                result.map_err(|error| ServeError::Listen(port, error))
            }
            () = follow(self.site, self.edits, reloader) => Ok(()),
        }
    }
}

/// Sends one message for any number of changes that nobody has looked at yet.
fn watch(
    root: &Path,
    edited: mpsc::Sender<()>,
) -> Result<RecommendedWatcher, notify::Error> {
    let mut watcher =
        notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // A build reads its sources, which is an event, too. A full channel already says that
            // something changed.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                edited.try_send(()).ok();
            }
        })?;
    for (folder, mode) in WATCHED {
        let folder = root.join(folder);
        if folder.is_dir() {
            watcher.watch(&folder, mode)?;
        }
    }
    Ok(watcher)
}

async fn follow(site: Arc<Site>, mut edits: mpsc::Receiver<()>, reloader: Reloader) {
    while edits.recv().await.is_some() {
        while let Ok(Some(())) = timeout(DEBOUNCE, edits.recv()).await {}
        let root = site.root.clone();
        let built = tokio::task::spawn_blocking(move || rebuild(&root)).await;
        let error = match built {
            Ok(Ok((book, took))) => {
                println!("Rebuilt in {} ms", took.as_millis());
                site.write(|served| {
                    (served.book, served.error) = (Arc::new(book), None);
                });
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(panicked) => Some(format!("the build panicked: {panicked}")),
        };
        if let Some(error) = error {
            eprintln!(
                "The book has a mistake; the last good one is served.\n\n{error}\n"
            );
            site.write(|served| served.error = Some(error));
        }
        reloader.reload();
    }
}

fn rebuild(root: &Path) -> Result<(Built, Duration), ServeError> {
    let folder = tempfile::Builder::new()
        .prefix("book-")
        .tempdir()
        .map_err(ServeError::Folder)?;
    let (pages, took) =
        build::build_for_serving(root, folder.path()).map_err(ServeError::Book)?;
    Ok((Built { _folder: folder, pages }, took))
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

async fn page(State(site): State<Arc<Site>>, request: Request) -> Response {
    let (book, error) = site.read();
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
    let banner = format!(
        "<div role=\"alert\" id=\"book-mistake\"><p>The book has a mistake; this is the last good \
         one.</p><pre>{}</pre></div>",
        html(error)
    );
    let at = page
        .find("<body")
        .and_then(|at| Some(at + page[at..].find('>')? + 1))
        .unwrap_or(0);
    let page = format!("{}{banner}{}", &page[..at], &page[at..]);
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(page))
}
