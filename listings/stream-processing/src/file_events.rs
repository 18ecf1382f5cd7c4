//! Events of the file system as a stream.

use std::ffi::OsStr;
use std::fs;
use std::future::{self, Future};
use std::io;
use std::mem::take;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::task::consume_budget;
use tokio::time::{Instant, timeout};

/// Why a path is not watched, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is nothing at the path, or it may not be looked at.
    #[error("cannot look at {}", path.display())]
    Look {
        /// What was to be watched.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The watch was refused.
    #[error("cannot watch {}", path.display())]
    Watch {
        /// What was to be watched.
        path: PathBuf,
        /// What the watcher said.
        source: notify::Error,
    },
    /// Something failed while it watched; as an item of the stream, which goes on.
    #[error("the watcher failed")]
    Later(#[source] notify::Error),
}

// ANCHOR: hint
/// What happened, or that something did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Something happened at these paths.
    Changed(Event),
    /// Events were lost: look at everything again. If the watcher failed meanwhile, the
    /// first error is the next item.
    Rescan {
        /// How many items the stream itself had no room for; zero: the system lost
        /// some, and does not say how many.
        lost: u64,
    },
}

/// The events at a path, for as long as this lives.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream ends the watch and its thread.
#[derive(Debug)]
#[must_use = "dropped, it watches nothing"]
pub struct FileEvents<W = RecommendedWatcher> {
    // The first to be dropped: a watcher that waits for its thread finds it free.
    hints: mpsc::Receiver<Result<Hint, WatchError>>,
    /// Comes after a `Rescan`.
    failed: Option<notify::Error>,
    lost: Arc<Mutex<Lost>>,
    watcher: W,
}
// ANCHOR_END: hint

// ANCHOR: watch
/// Watches `path`. What the watcher sees once this has returned is told, or counted.
///
/// `room` is how many hints wait to be read, before the rest is lost, and counted.
///
/// It blocks while it sets the watch; with [`RecursiveMode::Recursive`] that is a walk
/// through all folders.
///
/// # Errors
/// There is nothing at `path`, or it cannot be watched.
pub fn watch_with<W: Watcher>(
    config: Config,
    path: &Path,
    mode: RecursiveMode,
    room: NonZeroU16,
) -> Result<FileEvents<W>, WatchError> {
    let of_path = || path.to_owned();
    fs::metadata(path)
        .map_err(|source| WatchError::Look { path: of_path(), source })?;
    let refused = |source| WatchError::Watch { path: of_path(), source };
    // One more, for the `Rescan` that says that there was no room.
    let (to_stream, hints) = mpsc::channel(usize::from(room.get()) + 1);
    let lost = Arc::new(Mutex::new(Lost::default()));
    let noted = Arc::clone(&lost);
    let callback = move |event| forward(event, &to_stream, &noted);
    let mut watcher = W::new(callback, config).map_err(refused)?;
    watcher.watch(path, mode).map_err(refused)?;
    Ok(FileEvents { hints, failed: None, lost, watcher })
}

/// [`watch_with`] what is best on this system.
///
/// # Errors
/// There is nothing at `path`, or it cannot be watched.
pub fn watch(
    path: &Path,
    mode: RecursiveMode,
    room: NonZeroU16,
) -> Result<FileEvents, WatchError> {
    watch_with(Config::default(), path, mode, room)
}
// ANCHOR_END: watch

// ANCHOR: polling
/// For `watch_with::<PollWatcher>`, where the system tells nothing: all files are read
/// again and again, with a pause of `every`; less than a millisecond counts as one.
///
/// By itself a `PollWatcher` compares times only, in whole seconds, and an earlier one
/// is no change. What is made and removed again between two looks is never told.
pub fn polling(every: Duration) -> Config {
    Config::default()
        .with_poll_interval(every.max(Duration::from_millis(1)))
        .with_compare_contents(true)
}
// ANCHOR_END: polling

impl<W> FileEvents<W> {
    /// The watcher itself, to add paths and to remove them.
    pub fn watcher(&mut self) -> &mut W {
        &mut self.watcher
    }
}

// ANCHOR: overflow
/// What there was no room for, while a `Rescan` stands in the queue for it.
#[derive(Debug, Default)]
struct Lost {
    count: u64,
    /// The first failure among them.
    failed: Option<notify::Error>,
}

/// Runs on the watcher's thread, which must not wait: nobody else empties its queue.
fn forward(
    event: notify::Result<Event>,
    to_stream: &mpsc::Sender<Result<Hint, WatchError>>,
    lost: &Mutex<Lost>,
) {
    let hint = match event {
        Ok(event) if event.need_rescan() => Ok(Hint::Rescan { lost: 0 }),
        Ok(event) if only_looks(event.kind) => return,
        Ok(event) => Ok(Hint::Changed(event)),
        Err(error) => Err(error),
    };
    let mut lost = lock(lost);
    // Nobody else sends, so there is no less room than this a moment later.
    if lost.count == 0 && to_stream.capacity() > 1 {
        to_stream.try_send(hint.map_err(WatchError::Later)).ok(); // no stream: nobody
        return;
    }
    if lost.count == 0 {
        to_stream.try_send(Ok(Hint::Rescan { lost: 1 })).ok();
    }
    lost.count += 1; // Whoever reads the `Rescan` looks at this, too.
    lost.failed = take(&mut lost.failed).or(hint.err());
}
// ANCHOR_END: overflow

/// Locked for a few steps; never while somebody waits.
fn lock(lost: &Mutex<Lost>) -> MutexGuard<'_, Lost> {
    lost.lock().unwrap_or_else(PoisonError::into_inner)
}

// ANCHOR: after_overflow
impl<W: Unpin> Stream for FileEvents<W> {
    type Item = Result<Hint, WatchError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(WatchError::Later(error))));
        }
        let mut next = ready!(self.hints.poll_recv(cx));
        // Not one of the system: ours may stand behind it.
        if let Some(Ok(Hint::Rescan { lost: count @ 1.. })) = &mut next {
            let lost = take(&mut *lock(&self.lost));
            *count = lost.count;
            self.failed = lost.failed;
        }
        Poll::Ready(next)
    }
}
// ANCHOR_END: after_overflow

/// Whoever reads the file again at each event would make the next one.
fn only_looks(kind: EventKind) -> bool {
    let written = AccessKind::Close(AccessMode::Write);
    matches!(kind, EventKind::Access(access) if access != written)
}

// ANCHOR: one_file
/// The hints about the file at `path`. Its folder is watched, because most editors put
/// a new file in the place of the old; the file need not exist.
///
/// # Errors
/// The folder is not there or cannot be watched, or `path` ends in no name.
pub fn watch_file(
    path: &Path,
    room: NonZeroU16,
) -> Result<impl Stream<Item = Result<Hint, WatchError>> + use<>, WatchError> {
    let Some(name) = path.file_name().map(OsStr::to_owned) else {
        let source = io::ErrorKind::InvalidInput.into();
        return Err(WatchError::Look { path: path.to_owned(), source });
    };
    let hints = watch(folder_of(path), RecursiveMode::NonRecursive, room)?;
    Ok(hints.filter(move |hint| future::ready(may_be_about(hint, &name))))
}

fn may_be_about(hint: &Result<Hint, WatchError>, name: &OsStr) -> bool {
    match hint {
        Ok(Hint::Changed(event)) => {
            event.paths.iter().any(|path| path.file_name() == Some(name))
        }
        Ok(Hint::Rescan { .. }) | Err(_) => true,
    }
}
// ANCHOR_END: one_file

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

// ANCHOR: burst
/// How long a burst of hints is waited out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// A burst is over when no hint came for this long.
    pub quiet: Duration,
    /// And in any case this long after its first hint.
    pub at_most: Duration,
}

/// False: there will be no more of them. An error does not end the burst, which `began`
/// with its first item.
async fn burst_is_over<S, T, E>(
    hints: &mut S,
    began: &mut Option<Instant>,
    pause: Pause,
) -> Result<bool, E>
where
    S: Stream<Item = Result<T, E>> + Unpin,
{
    loop {
        consume_budget().await; // Hints may come so fast that it never waits.
        let next = match *began {
            None => hints.next().await,
            Some(began) => {
                let left = pause.at_most.saturating_sub(began.elapsed());
                if left.is_zero() {
                    return Ok(true);
                }
                match timeout(pause.quiet.min(left), hints.next()).await {
                    Ok(Some(hint)) => Some(hint),
                    _ => return Ok(true),
                }
            }
        };
        let Some(hint) = next else { return Ok(false) };
        began.get_or_insert_with(Instant::now);
        hint?;
    }
}
// ANCHOR_END: burst

// ANCHOR: read_again
/// What `read` finds: now, and after each burst of hints. An error of `hints` is an
/// item of its own, at once. It is a hint, too, and the stream goes on.
///
/// # Errors
/// Those of `hints`. What `read` says is in the `Ok`.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops `hints`, and the read
/// that is under way.
pub fn latest<S, T, E, F, Fut>(
    hints: S,
    pause: Pause,
    read: F,
) -> impl Stream<Item = Result<Fut::Output, E>>
where
    S: Stream<Item = Result<T, E>>,
    F: FnMut() -> Fut,
    Fut: Future,
{
    // Fused: at the end of a burst they may have ended, and are asked once more.
    let start = (Box::pin(hints.fuse()), read, None, true);
    stream::unfold(start, move |(mut hints, mut read, mut began, first)| async move {
        if !first {
            match burst_is_over(&mut hints, &mut began, pause).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some((Err(error), (hints, read, began, false))),
            }
        }
        let found = read().await;
        Some((Ok(found), (hints, read, None, false)))
    })
    .fuse()
}
// ANCHOR_END: read_again

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
#[expect(clippy::missing_panics_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;
    use tokio::task::spawn_blocking;
    use tokio_stream::wrappers::ReceiverStream;

    // ANCHOR: recv_loop
    /// Wrong: returns before it watches, panics where nobody looks, and waits in `recv`
    /// for an event after everybody has gone.
    pub fn recv_loop<P>(folder: P) -> ReceiverStream<Event>
    where
        P: AsRef<Path> + Send + 'static,
    {
        let (to_stream, events) = mpsc::channel(100);
        spawn_blocking(move || {
            let (to_loop, from_notify) = std::sync::mpsc::channel();
            let mut watcher = notify::recommended_watcher(to_loop).unwrap();
            watcher.watch(folder.as_ref(), RecursiveMode::NonRecursive).unwrap();
            for event in from_notify.into_iter().flatten() {
                if to_stream.blocking_send(event).is_err() {
                    break;
                }
            }
        });
        ReceiverStream::new(events)
    }
    // ANCHOR_END: recv_loop

    // ANCHOR: waits_for_room
    /// Wrong: when nobody reads, notify's thread waits, and the queue of the system
    /// overflows behind it.
    pub fn waits_for_room(
        folder: &Path,
        room: NonZeroU16,
    ) -> notify::Result<(ReceiverStream<Event>, RecommendedWatcher)> {
        let (to_stream, events) = mpsc::channel(usize::from(room.get()));
        let callback = move |event| {
            if let Ok(event) = event {
                to_stream.blocking_send(event).ok();
            }
        };
        let mut watcher = notify::recommended_watcher(callback)?;
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok((ReceiverStream::new(events), watcher))
    }
    // ANCHOR_END: waits_for_room

    // ANCHOR: at_each_event
    /// Wrong: where opening a file is an event, the reader wakes itself up.
    pub async fn at_each_event<S, F, Fut>(mut events: S, mut read: F)
    where
        S: Stream<Item = Event> + Unpin,
        F: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        while events.next().await.is_some() {
            read().await;
        }
    }
    // ANCHOR_END: at_each_event
}

#[cfg(test)]
mod tests;
