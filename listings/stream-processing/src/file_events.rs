//! Events of the file system as a stream.

use std::ffi::OsStr;
use std::fs;
use std::future::{self, Future};
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
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
    /// Events were lost: look at everything again.
    Rescan {
        /// How many of them the stream itself had no room for; zero: the system lost
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
    lost: Arc<AtomicU64>,
    watcher: W,
}
// ANCHOR_END: hint

// ANCHOR: watch
/// Watches `path`. What happens after this has returned is told, or counted as lost.
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
    let lost = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&lost);
    let callback = move |event| forward(event, &to_stream, &counted);
    let mut watcher = W::new(callback, config).map_err(refused)?;
    watcher.watch(path, mode).map_err(refused)?;
    Ok(FileEvents { hints, lost, watcher })
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

impl<W> FileEvents<W> {
    /// The watcher itself, to add paths and to remove them.
    pub fn watcher(&mut self) -> &mut W {
        &mut self.watcher
    }
}

// ANCHOR: overflow
/// Runs on the watcher's thread, which must not wait: nobody else empties its queue.
fn forward(
    event: notify::Result<Event>,
    to_stream: &mpsc::Sender<Result<Hint, WatchError>>,
    lost: &AtomicU64,
) {
    let hint = match event {
        Ok(event) if event.need_rescan() => Ok(Hint::Rescan { lost: 0 }),
        Ok(event) if only_looks(event.kind) => return,
        Ok(event) => Ok(Hint::Changed(event)),
        Err(error) => Err(WatchError::Later(error)),
    };
    let one_more = |lost| (lost > 0).then_some(lost + 1);
    if lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok() {
        return; // A `Rescan` waits to be read, and whoever reads it looks at this, too.
    }
    // Nobody else sends, so there is no less room than this a moment later.
    let hint = if to_stream.capacity() > 1 {
        hint
    } else {
        lost.store(1, Ordering::SeqCst);
        Ok(Hint::Rescan { lost: 0 })
    };
    to_stream.try_send(hint).ok(); // It fails when the stream has been dropped.
}

impl<W: Unpin> Stream for FileEvents<W> {
    type Item = Result<Hint, WatchError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let mut next = ready!(self.hints.poll_recv(cx));
        if let Some(Ok(Hint::Rescan { lost })) = &mut next {
            *lost = self.lost.swap(0, Ordering::SeqCst);
        }
        Poll::Ready(next)
    }
}
// ANCHOR_END: overflow

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

/// False: there will be no more of them.
async fn burst_is_over<S: Stream + Unpin>(hints: &mut S, pause: Pause) -> bool {
    if hints.next().await.is_none() {
        return false;
    }
    let first = Instant::now();
    loop {
        let left = pause.at_most.saturating_sub(first.elapsed());
        let another = timeout(pause.quiet.min(left), hints.next());
        if left.is_zero() || !matches!(another.await, Ok(Some(_))) {
            return true;
        }
    }
}
// ANCHOR_END: burst

// ANCHOR: read_again
/// What `read` finds: now, and after each burst of hints. An `Err` is a hint, too.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops `hints`, and the read
/// that is under way.
pub fn latest<S, F, Fut>(
    hints: S,
    pause: Pause,
    read: F,
) -> impl Stream<Item = Fut::Output>
where
    S: Stream,
    F: FnMut() -> Fut,
    Fut: Future,
{
    // Fused: at the end of a burst they may have ended, and are asked once more.
    let start = (Box::pin(hints.fuse()), read, true);
    stream::unfold(start, move |(mut hints, mut read, first)| async move {
        if !first && !burst_is_over(&mut hints, pause).await {
            return None;
        }
        let found = read().await;
        Some((found, (hints, read, false)))
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
mod tests {
    use super::*;
    use backend::Alive;
    use backend::cancel::after_polls;
    use notify::event::{CreateKind, Flag};
    use notify::{ErrorKind, EventHandler, WatcherKind};
    use std::ffi::OsString;
    use std::future::ready;
    use std::ops::RangeInclusive;
    use std::sync::Weak;
    use std::sync::atomic::AtomicUsize;
    use std::thread;
    use tempfile::TempDir;
    use tokio::runtime::{self, Runtime};
    use tokio::task::{spawn_blocking, yield_now};
    use tokio::time::sleep;

    const ONE: NonZeroU16 = NonZeroU16::new(1).unwrap();
    const TWO: NonZeroU16 = NonZeroU16::new(2).unwrap();
    const ROOM: NonZeroU16 = NonZeroU16::new(1_000).unwrap();
    const ONLY: RecursiveMode = RecursiveMode::NonRecursive;

    /// Longer than anything that a test waits for.
    const PATIENCE: Duration = Duration::from_mins(1);

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A folder of its own.
    struct Place {
        folder: TempDir,
    }

    impl Place {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn path(&self) -> &Path {
            self.folder.path()
        }

        fn file(&self, name: &str) -> PathBuf {
            self.path().join(name)
        }

        fn write(&self, name: &str, contents: &str) {
            fs::write(self.file(name), contents).unwrap();
        }

        /// As an editor saves, or a careful program.
        fn replace(&self, name: &str, contents: &str) {
            self.write("new~", contents);
            fs::rename(self.file("new~"), self.file(name)).unwrap();
        }
    }

    fn names(event: &Event) -> Vec<OsString> {
        event.paths.iter().filter_map(|path| Some(path.file_name()?.into())).collect()
    }

    /// Reads until something says that `name` has changed; gives the names in what came before.
    async fn until_about<S>(hints: &mut S, name: &str) -> Vec<OsString>
    where
        S: Stream<Item = Result<Hint, WatchError>> + Unpin,
    {
        let mut before = Vec::new();
        let search = async {
            loop {
                match hints.next().await.expect("the stream goes on").unwrap() {
                    Hint::Changed(event)
                        if names(&event).iter().any(|it| it == name) =>
                    {
                        break;
                    }
                    Hint::Changed(event) => before.extend(names(&event)),
                    Hint::Rescan { .. } => panic!("no room for {name}"),
                }
            }
        };
        timeout(PATIENCE, search).await.expect("it never came");
        before
    }

    /// Waits until `done`, on this thread.
    #[track_caller]
    fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
        let start = std::time::Instant::now();
        while !done() {
            assert!(start.elapsed() < PATIENCE, "{what} never came");
            thread::yield_now();
        }
    }

    /// The watcher's thread drops the callback when it ends, and that its part of the count.
    fn thread_of(events: &FileEvents) -> Weak<AtomicU64> {
        Arc::downgrade(&events.lost)
    }

    #[track_caller]
    fn ends(thread: &Weak<AtomicU64>) {
        wait_for("the end of the thread", || thread.strong_count() == 0);
    }

    fn one_thread() -> Runtime {
        runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap()
    }

    /// A watcher that sees what the test tells it.
    struct ByHand {
        callback: Option<Box<dyn EventHandler>>,
    }

    impl Watcher for ByHand {
        fn new<F: EventHandler>(callback: F, _: Config) -> notify::Result<Self> {
            Ok(Self { callback: Some(Box::new(callback)) })
        }

        /// Takes folders only.
        fn watch(&mut self, path: &Path, _: RecursiveMode) -> notify::Result<()> {
            if path.is_dir() {
                Ok(())
            } else {
                Err(notify::Error::new(ErrorKind::MaxFilesWatch))
            }
        }

        fn unwatch(&mut self, _: &Path) -> notify::Result<()> {
            Ok(())
        }

        fn kind() -> WatcherKind {
            WatcherKind::NullWatcher
        }
    }

    fn by_hand(room: NonZeroU16) -> FileEvents<ByHand> {
        watch_with(Config::default(), &std::env::temp_dir(), ONLY, room).unwrap()
    }

    impl FileEvents<ByHand> {
        fn see(&mut self, event: notify::Result<Event>) {
            self.watcher().callback.as_mut().unwrap().handle_event(event);
        }

        fn see_made(&mut self, numbers: RangeInclusive<u64>) {
            numbers.for_each(|number| self.see(Ok(made(number))));
        }
    }

    fn made(number: u64) -> Event {
        let path = PathBuf::from(number.to_string());
        Event::new(EventKind::Create(CreateKind::File)).add_path(path)
    }

    /// What is in the stream now: the number of each event, or of those lost as a negative one.
    fn now_in<W: Unpin>(events: &mut FileEvents<W>) -> Vec<i64> {
        std::iter::from_fn(|| {
            let hint = futures::FutureExt::now_or_never(events.next())??;
            Some(match hint.unwrap() {
                Hint::Changed(event) => {
                    event.paths[0].to_str().unwrap().parse().unwrap()
                }
                Hint::Rescan { lost } => -i64::try_from(lost).unwrap(),
            })
        })
        .collect()
    }

    // The watch.

    #[tokio::test]
    async fn what_happens_right_after_the_call_is_never_missed() {
        for _ in 0..50 {
            let place = Place::new();
            let mut events = watch(place.path(), ONLY, ROOM).unwrap();
            place.write("early", "");
            until_about(&mut events, "early").await;
        }
    }

    #[test]
    fn a_missing_path_is_an_error_of_the_call() {
        let place = Place::new();
        let missing = place.file("missing");
        match watch(&missing, ONLY, ROOM) {
            Err(WatchError::Look { path, source }) => {
                assert_eq!((path, source.kind()), (missing, io::ErrorKind::NotFound));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_watch_that_is_refused_is_an_error_of_the_call() {
        let place = Place::new();
        place.write("file", "");
        let file = place.file("file");
        match watch_with::<ByHand>(Config::default(), &file, ONLY, ROOM).err() {
            Some(WatchError::Watch { path, source }) => {
                assert_eq!(path, file);
                assert!(matches!(source.kind, ErrorKind::MaxFilesWatch), "{source}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn dropping_the_stream_ends_its_thread() {
        let place = Place::new();
        let events = watch(place.path(), ONLY, ROOM).unwrap();
        let thread = thread_of(&events);
        assert_eq!(thread.strong_count(), 2, "the stream and the callback");
        drop(events);
        ends(&thread);
    }

    #[test]
    fn dropping_a_full_stream_that_nobody_reads_ends_its_thread_too() {
        let place = Place::new();
        let events = watch(place.path(), ONLY, ONE).unwrap();
        let thread = thread_of(&events);
        let mut number = 0;
        wait_for("an overflow", || {
            number += 1;
            place.write(&number.to_string(), "");
            events.lost.load(Ordering::SeqCst) > 0
        });
        drop(events);
        ends(&thread);
    }

    #[test]
    fn a_runtime_whose_task_waits_for_an_event_shuts_down_and_ends_the_thread() {
        let place = Place::new();
        let runtime = one_thread();
        let mut events = watch(place.path(), ONLY, ROOM).unwrap();
        let thread = thread_of(&events);
        let task = async move { events.next().await.map(drop) };
        let waits = runtime.spawn(task);
        runtime.block_on(yield_now());
        assert!(!waits.is_finished());
        drop(runtime);
        ends(&thread);
    }

    #[tokio::test]
    async fn a_dropped_wait_loses_nothing() {
        let place = Place::new();
        let mut events = watch(place.path(), ONLY, ROOM).unwrap();
        assert!(after_polls(1, events.next()).await.is_none());
        place.write("later", "");
        until_about(&mut events, "later").await;
    }

    #[tokio::test]
    async fn all_of_it_can_be_spawned() {
        let place = Place::new();
        let mut events = watch(place.path(), ONLY, ROOM).unwrap();
        place.write("a", "");
        tokio::spawn(async move { until_about(&mut events, "a").await }).await.unwrap();
        let mut hints = watch_file(&place.file("b"), ROOM).unwrap();
        place.write("b", "");
        tokio::spawn(async move { until_about(&mut hints, "b").await }).await.unwrap();
        let pause = Pause { quiet: ms(1), at_most: ms(1) };
        let found =
            latest(stream::empty::<()>(), pause, || ready(1)).collect::<Vec<_>>();
        assert_eq!(tokio::spawn(found).await.unwrap(), [1]);
    }

    #[tokio::test]
    async fn a_watcher_that_polls_gives_the_same_stream() {
        let place = Place::new();
        let often = Config::default().with_poll_interval(ms(1));
        let mut events =
            watch_with::<notify::PollWatcher>(often, place.path(), ONLY, ROOM).unwrap();
        place.write("polled", "");
        until_about(&mut events, "polled").await;
        let missing =
            watch_with::<notify::PollWatcher>(often, &place.file("no"), ONLY, ROOM);
        assert!(matches!(missing, Err(WatchError::Look { .. })));
    }

    #[tokio::test]
    async fn when_the_watcher_ends_so_does_the_stream() {
        let mut events = by_hand(TWO);
        events.see_made(1..=1);
        events.watcher().callback = None;
        assert_eq!(now_in(&mut events), [1]);
        assert!(events.next().await.is_none());
    }

    // Overflow.

    #[test]
    fn what_there_is_no_room_for_is_counted_and_one_rescan_says_so() {
        let mut events = by_hand(TWO);
        events.see_made(1..=5);
        assert_eq!(now_in(&mut events), [1, 2, -3]);
    }

    #[test]
    fn after_the_rescan_events_come_again() {
        let mut events = by_hand(TWO);
        for _ in 0..3 {
            events.see_made(1..=2);
            assert_eq!(now_in(&mut events), [1, 2]);
            events.see_made(1..=4);
            assert_eq!(now_in(&mut events), [1, 2, -2]);
        }
    }

    #[tokio::test]
    async fn until_the_rescan_is_read_it_stands_for_what_comes() {
        let mut events = by_hand(TWO);
        events.see_made(1..=3);
        for _ in 0..2 {
            events.next().await.unwrap().unwrap();
            events.see_made(4..=4);
        }
        assert_eq!(now_in(&mut events), [-3], "3, and 4 twice");
        events.see_made(5..=5);
        assert_eq!(now_in(&mut events), [5]);
    }

    #[tokio::test]
    async fn that_the_system_lost_some_is_a_rescan_too() {
        let mut events = by_hand(TWO);
        events.see(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        let rescan = events.next().await.unwrap().unwrap();
        assert_eq!(rescan, Hint::Rescan { lost: 0 });
    }

    #[tokio::test]
    async fn a_failure_while_it_watches_is_an_item_and_it_goes_on() {
        let mut events = by_hand(TWO);
        events.see(Err(notify::Error::new(ErrorKind::MaxFilesWatch)));
        let Some(Err(WatchError::Later(error))) = events.next().await else {
            panic!("no error")
        };
        assert!(matches!(error.kind, ErrorKind::MaxFilesWatch));
        events.see_made(1..=1);
        assert_eq!(now_in(&mut events), [1]);
    }

    #[tokio::test]
    async fn a_stream_that_fell_behind_is_told_and_catches_up() {
        let place = Place::new();
        let mut events = watch(place.path(), ONLY, ONE).unwrap();
        let mut number = 0;
        wait_for("an overflow", || {
            number += 1;
            place.write(&number.to_string(), "");
            events.lost.load(Ordering::SeqCst) > 0
        });
        let first = events.next().await.unwrap().unwrap();
        assert!(matches!(first, Hint::Changed(_)));
        let second = events.next().await.unwrap().unwrap();
        assert!(matches!(second, Hint::Rescan { lost: 1.. }), "{second:?}");
        // What it reads now is all there is, whatever was lost.
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), number);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn looking_at_a_file_is_no_event() {
        let place = Place::new();
        place.write("read", "");
        let mut events = watch(place.path(), ONLY, ROOM).unwrap();
        for _ in 0..100 {
            fs::read(place.file("read")).unwrap();
        }
        place.write("written", "");
        assert!(until_about(&mut events, "written").await.is_empty());
    }

    #[test]
    fn opening_is_no_event_but_the_end_of_a_write_is() {
        let written = AccessKind::Close(AccessMode::Write);
        assert!(only_looks(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(only_looks(EventKind::Access(AccessKind::Read)));
        assert!(!only_looks(EventKind::Access(written)));
        assert!(!only_looks(EventKind::Any));
    }

    // One file.

    #[tokio::test]
    async fn a_file_that_is_replaced_again_and_again_is_heard_each_time() {
        let place = Place::new();
        place.write("config", "0");
        let mut hints = watch_file(&place.file("config"), ROOM).unwrap();
        for version in 1..=5 {
            place.replace("config", &version.to_string());
            until_about(&mut hints, "config").await;
            // The rest of this save is no hint of the next.
            while after_polls(1, hints.next()).await.is_some() {}
        }
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_yet_can_be_watched() {
        let place = Place::new();
        let mut hints = watch_file(&place.file("config"), ROOM).unwrap();
        place.write("config", "");
        until_about(&mut hints, "config").await;
    }

    #[tokio::test]
    async fn of_other_files_it_says_nothing() {
        let place = Place::new();
        let mut hints = watch_file(&place.file("config"), ROOM).unwrap();
        (0..10).for_each(|number| place.write(&number.to_string(), ""));
        place.write("config", "");
        assert!(until_about(&mut hints, "config").await.is_empty());
    }

    #[test]
    fn what_may_be_about_the_file_is_told() {
        let name = OsStr::new("1");
        assert!(may_be_about(&Ok(Hint::Changed(made(1))), name));
        assert!(!may_be_about(&Ok(Hint::Changed(made(2))), name));
        assert!(may_be_about(&Ok(Hint::Rescan { lost: 1 }), name));
        assert!(may_be_about(
            &Err(WatchError::Later(notify::Error::generic(""))),
            name
        ));
    }

    #[test]
    fn the_folder_of_a_file_is_watched() {
        for (file, folder) in [("a/b", "a"), ("b", "."), ("/b", "/")] {
            assert_eq!(folder_of(Path::new(file)), Path::new(folder));
        }
    }

    #[test]
    fn a_path_without_a_name_is_an_error() {
        let error = watch_file(Path::new("a/.."), ROOM).err();
        let Some(WatchError::Look { source, .. }) = error else { panic!("{error:?}") };
        assert_eq!(source.kind(), io::ErrorKind::InvalidInput);
    }

    // Reading again.

    const PAUSE: Pause = Pause { quiet: ms(50), at_most: ms(200) };

    /// A hint at each of these times, in milliseconds from the start, and then no end.
    fn hints_at(times: &[u64]) -> impl Stream<Item = u64> + Send + use<> {
        let start = Instant::now();
        stream::iter(times.to_owned())
            .then(move |at| async move {
                tokio::time::sleep_until(start + ms(at)).await;
                at
            })
            .chain(stream::pending())
    }

    /// The times of the first reads of `latest`, each of which takes `read`.
    async fn reads(times: &[u64], read: Duration, count: usize) -> Vec<Duration> {
        let start = Instant::now();
        let found = latest(hints_at(times), PAUSE, || async move {
            let began = start.elapsed();
            sleep(read).await;
            began
        });
        found.take(count).collect().await
    }

    #[tokio::test(start_paused = true)]
    async fn it_reads_at_once_and_again_after_each_burst() {
        let burst = [100, 101, 103, 110, 500, 510];
        assert_eq!(reads(&burst, ms(0), 3).await, [ms(0), ms(160), ms(560)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_that_never_pauses_is_read_at_the_limit() {
        let always: Vec<_> = (1..100).map(|number| number * 30).collect();
        // The first hint after each read begins the next wait of 200 ms.
        let expected = [ms(0), ms(230), ms(440), ms(650)];
        assert_eq!(reads(&always, ms(0), 4).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_during_the_read_is_read_again() {
        assert_eq!(reads(&[5], ms(10), 2).await, [ms(0), ms(60)]);
        assert_eq!(reads(&[100, 155], ms(10), 3).await, [ms(0), ms(150), ms(210)]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_pause_each_hint_is_a_read() {
        let mut read = 0;
        let at_once = Pause { quiet: ms(0), at_most: ms(0) };
        let found = latest(stream::iter(0..5), at_once, || {
            read += 1;
            ready(read)
        });
        assert_eq!(found.collect::<Vec<_>>().await, [1, 2, 3, 4, 5, 6]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_burst_is_read_before_the_end() {
        let start = Instant::now();
        let hints = hints_at(&[10, 20]).take(2);
        let hints = stream::unfold(Box::pin(hints), |mut hints| async move {
            Some((hints.next().await?, hints)) // and panics, if it is asked again
        });
        let found = latest(hints, PAUSE, || ready(start.elapsed()));
        let mut found = std::pin::pin!(found);
        assert_eq!(found.next().await, Some(ms(0)));
        assert_eq!(found.next().await, Some(ms(20)));
        assert_eq!(found.next().await, None);
        assert_eq!(found.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_pause_there_is_can_be_waited() {
        let longest = Pause { quiet: Duration::MAX, at_most: Duration::MAX };
        let found = latest(hints_at(&[10, 20]).take(2), longest, || ready(()));
        assert_eq!(found.count().await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_next_dropped_at_any_await_loses_no_read() {
        let start = Instant::now();
        let found = latest(hints_at(&[100, 110, 500]), PAUSE, || async move {
            sleep(ms(5)).await;
            start.elapsed()
        });
        let mut found = std::pin::pin!(found);
        let mut came = Vec::new();
        while came.len() < 3 {
            // Dropped wherever it waits, every 7 ms.
            came.extend(after_polls(1, found.next()).await.flatten());
            sleep(ms(7)).await;
        }
        // Each time is rounded up to the poll that saw it.
        assert_eq!(came, [ms(7), ms(175), ms(567)]);
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_at_any_await_it_leaves_nothing_behind() {
        let alive = Alive::default();
        let run = || {
            let (of_hints, alive) = (alive.guard(), alive.clone());
            let hints = hints_at(&[10, 20]).take(2).inspect(move |_| {
                let _ = &of_hints;
            });
            latest(hints, PAUSE, move || {
                let of_read = alive.guard();
                async move {
                    sleep(ms(5)).await;
                    drop(of_read);
                }
            })
            .collect::<Vec<_>>()
        };
        let points = backend::cancel::at_every_await(run, |_, _| {
            assert_eq!(alive.count(), 0);
        });
        assert!(points.await >= 4);
    }

    #[tokio::test]
    async fn however_it_is_saved_the_last_contents_are_read() {
        for round in 0..10 {
            let place = Place::new();
            let file = place.file("config");
            let hints = watch_file(&file, ROOM).unwrap();
            let pause = Pause { quiet: ms(1), at_most: ms(10) };
            let found =
                latest(hints, pause, || tokio::fs::read_to_string(file.clone()));
            let mut found = std::pin::pin!(found);
            let missing = found.next().await.unwrap().unwrap_err();
            assert_eq!(missing.kind(), io::ErrorKind::NotFound);
            let saves = spawn_blocking(move || {
                for version in 0..20 {
                    if (version + round) % 2 == 0 {
                        place.replace("config", &version.to_string());
                    } else {
                        place.write("config", &version.to_string());
                    }
                }
                place
            });
            let last = async {
                while found.next().await.unwrap().ok().as_deref() != Some("19") {}
            };
            timeout(PATIENCE, last).await.expect("the last contents");
            saves.await.unwrap();
        }
    }

    // What goes wrong.

    #[tokio::test]
    async fn what_is_made_between_the_list_and_the_watch_is_never_heard_of() {
        let place = Place::new();
        let listed = fs::read_dir(place.path()).unwrap().count();
        place.write("between", "");
        wait_until_old(&place).await;
        let mut events = watch(place.path(), ONLY, ROOM).unwrap();
        place.write("after", "");
        let before = until_about(&mut events, "after").await;
        assert_eq!((listed, before), (0, vec![]));
    }

    /// Where the system reports late (`FSEvents`), what has been reported is not new any more.
    async fn wait_until_old(place: &Place) {
        let mut events = watch(place.path(), ONLY, ROOM).unwrap();
        place.write("marker", "");
        until_about(&mut events, "marker").await;
    }

    /// A path that counts as alive, and tells when it is used.
    struct Guarded {
        path: PathBuf,
        used: std::sync::mpsc::Sender<()>,
        _guard: backend::alive::Guard,
    }

    impl AsRef<Path> for Guarded {
        fn as_ref(&self) -> &Path {
            self.used.send(()).unwrap();
            &self.path
        }
    }

    #[test]
    fn a_recv_loop_outlives_its_stream_and_holds_up_the_shutdown() {
        let (place, alive) = (Place::new(), Alive::default());
        let runtime = one_thread();
        runtime.block_on(wait_until_old(&place));
        let (used, is_used) = std::sync::mpsc::channel();
        let (path, guard) = (place.path().to_owned(), alive.guard());
        let folder = Guarded { path, used, _guard: guard };
        drop(runtime.block_on(async { naive::recv_loop(folder) }));
        is_used.recv().unwrap();
        // A shutdown without a limit would wait here.
        runtime.shutdown_timeout(ms(1));
        assert_eq!(alive.count(), 1, "the stream and the runtime are gone");
        wait_for("the end of the loop", || {
            place.write("one more event", "");
            alive.count() == 0
        });
    }

    #[test]
    fn a_recv_loop_that_did_not_watch_yet_misses_what_happens_right_after_the_call() {
        let place = Place::new();
        let runtime = one_thread();
        runtime.block_on(async {
            wait_until_old(&place).await;
            // The pool has other work.
            let (open, gate) = std::sync::mpsc::channel::<()>();
            spawn_blocking(move || gate.recv());
            let mut events = naive::recv_loop(place.path().to_owned());
            place.write("early", "");
            wait_until_old(&place).await;
            drop(open);
            let some = async {
                loop {
                    let event = events.next().await.unwrap();
                    if names(&event) != ["marker"] {
                        break names(&event);
                    }
                }
            };
            let writes = async {
                loop {
                    place.write("late", "");
                    yield_now().await;
                }
            };
            tokio::select! {
                biased;
                first = some => assert_eq!(first, ["late"]),
                never = writes => never,
            }
            drop(events);
        });
        let _ends_with_the_next_event = thread::spawn(move || {
            place.write("last", "");
            drop(runtime);
        });
    }

    #[tokio::test]
    async fn a_recv_loop_over_a_missing_path_looks_like_an_end() {
        let place = Place::new();
        let mut events = naive::recv_loop(place.file("missing"));
        assert!(events.next().await.is_none());
    }

    /// Nothing below is about a file that was replaced after its watch was lost: a second watch of the
    /// same watcher says when all that came before has been told.
    #[cfg(target_os = "linux")]
    async fn told_until_now(events: &mut FileEvents) -> Vec<OsString> {
        let other = Place::new();
        let folder = other.path().file_name().unwrap().to_str().unwrap();
        let marker = format!("now, in {folder}");
        events.watcher().watch(other.path(), ONLY).unwrap();
        other.write(&marker, "");
        let mut told = until_about(events, &marker).await;
        events.watcher().unwatch(other.path()).unwrap();
        // What else was told of the marker before.
        told.retain(|name| !name.to_str().unwrap().starts_with("now, in "));
        told
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn watched_itself_a_file_is_lost_when_it_is_replaced() {
        let place = Place::new();
        place.write("config", "1");
        let mut events = watch(&place.file("config"), ONLY, ROOM).unwrap();
        place.write("config", "2");
        assert!(!told_until_now(&mut events).await.is_empty(), "written in place");
        place.replace("config", "3");
        assert!(!told_until_now(&mut events).await.is_empty(), "its last event");
        for version in 4..8 {
            place.replace("config", &version.to_string());
            place.write("config", &version.to_string());
        }
        assert!(told_until_now(&mut events).await.is_empty(), "nothing ever again");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_folder_that_is_removed_and_made_again_is_not_watched() {
        let place = Place::new();
        let folder = place.file("folder");
        fs::create_dir(&folder).unwrap();
        let mut events = watch(&folder, ONLY, ROOM).unwrap();
        fs::remove_dir(&folder).unwrap();
        assert_eq!(told_until_now(&mut events).await, ["folder"], "its removal");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("file"), "").unwrap();
        assert!(told_until_now(&mut events).await.is_empty());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_link_to_a_link_that_is_replaced_is_not_told_by_its_name() {
        use std::os::unix::fs::symlink;
        let place = Place::new();
        for version in ["1", "2"] {
            fs::create_dir(place.file(version)).unwrap();
            place.write(&format!("{version}/config"), version);
        }
        symlink("1", place.file("..data")).unwrap();
        symlink("..data/config", place.file("config")).unwrap();
        let mut events = watch(place.path(), ONLY, ROOM).unwrap();
        symlink("2", place.file("..tmp")).unwrap();
        fs::rename(place.file("..tmp"), place.file("..data")).unwrap();
        assert_eq!(fs::read_to_string(place.file("config")).unwrap(), "2");
        let told = told_until_now(&mut events).await;
        assert!(told.iter().any(|name| name == "..data"), "{told:?}");
        assert!(!told.iter().any(|name| name == "config"), "{told:?}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_callback_that_waits_for_room_lets_the_kernel_lose_events() {
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events");
        let limit: usize = limit.unwrap().trim().parse().unwrap();
        let place = Place::new();
        let (mut events, watcher) = naive::waits_for_room(place.path(), ONE).unwrap();
        place.write("a", "");
        // Two events each, and some more than the queue of the kernel takes.
        let (a, b) = (place.file("a"), place.file("b"));
        for _ in 0..limit / 4 + 500 {
            fs::rename(&a, &b).unwrap();
            fs::rename(&b, &a).unwrap();
        }
        let mut read = 0;
        let overflow = async {
            loop {
                read += 1;
                if events.next().await.unwrap().need_rescan() {
                    break;
                }
            }
        };
        timeout(PATIENCE, overflow).await.expect("an overflow");
        assert!(read > limit, "after all that the kernel still had: {read}");
        drop((events, watcher));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn reading_again_at_each_event_never_ends() {
        let place = Place::new();
        place.write("config", "");
        let (events, watcher) = naive::waits_for_room(place.path(), ROOM).unwrap();
        let (reads, (enough, hundred)) =
            (AtomicUsize::new(0), tokio::sync::oneshot::channel());
        let mut enough = Some(enough);
        let loops = naive::at_each_event(events, || {
            fs::read(place.file("config")).unwrap();
            if reads.fetch_add(1, Ordering::SeqCst) == 100 {
                enough.take().unwrap().send(()).unwrap();
            }
            ready(())
        });
        fs::read(place.file("config")).unwrap();
        let hundred = timeout(PATIENCE, hundred);
        tokio::select! {
            () = loops => panic!("it ended"),
            end = hundred => end.expect("a hundred reads").unwrap(),
        }
        drop(watcher);
    }
}
