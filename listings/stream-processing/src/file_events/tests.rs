use super::*;
use backend::Alive;
use backend::cancel::after_polls;
use futures::TryStreamExt;
use notify::event::{CreateKind, Flag};
use notify::{ErrorKind, EventHandler, PollWatcher, WatcherKind};
use std::convert::Infallible;
use std::error::Error;
use std::ffi::OsString;
use std::future::ready;
use std::ops::RangeInclusive;
use std::sync::Weak;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;
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
                Hint::Changed(event) if names(&event).iter().any(|it| it == name) => {
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
fn thread_of<W>(events: &FileEvents<W>) -> Weak<Mutex<Lost>> {
    Arc::downgrade(&events.lost)
}

#[track_caller]
fn ends(thread: &Weak<Mutex<Lost>>) {
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
    config: Config,
    watched: Vec<(PathBuf, RecursiveMode)>,
    named: Option<Named>,
}

/// Says its name when it is dropped.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Named(&'static str, std::sync::mpsc::Sender<&'static str>);

impl Drop for Named {
    fn drop(&mut self) {
        self.1.send(self.0).unwrap();
    }
}

impl Watcher for ByHand {
    fn new<F: EventHandler>(callback: F, config: Config) -> notify::Result<Self> {
        let callback: Option<Box<dyn EventHandler>> = Some(Box::new(callback));
        Ok(Self { callback, config, watched: vec![], named: None })
    }

    /// Takes folders only.
    fn watch(&mut self, path: &Path, mode: RecursiveMode) -> notify::Result<()> {
        if path.is_dir() {
            self.watched.push((path.to_owned(), mode));
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

/// The next item, if it is there now.
fn next_in<W: Unpin>(events: &mut FileEvents<W>) -> Option<Result<Hint, WatchError>> {
    futures::FutureExt::now_or_never(events.next())?
}

/// What is in the stream now: the number of each event, or of those lost as a negative one.
fn now_in<W: Unpin>(events: &mut FileEvents<W>) -> Vec<i64> {
    std::iter::from_fn(|| {
        Some(match next_in(events)?.unwrap() {
            Hint::Changed(event) => event.paths[0].to_str().unwrap().parse().unwrap(),
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
        lock(&events.lost).count > 0
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

#[test]
fn the_queue_is_dropped_before_the_watcher() {
    let (told, order) = std::sync::mpsc::channel();
    let named = |name| Named(name, told.clone());
    let mut events = by_hand(TWO);
    events.watcher().named = Some(named("the watcher"));
    events.see(Err(notify::Error::io(io::Error::other(named("the queue")))));
    drop(events);
    let order: Vec<_> = order.try_iter().collect();
    assert_eq!(order, ["the queue", "the watcher"]);
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
    let never = stream::empty::<Result<(), Infallible>>();
    let found = latest(never, pause, || ready(1)).collect::<Vec<_>>();
    assert_eq!(tokio::spawn(found).await.unwrap(), [Ok(1)]);
}

#[test]
fn the_watcher_gets_its_config_path_and_mode_and_the_queue_its_room() {
    let place = Place::new();
    let path = place.path();
    for (millis, mode, room) in [(1, ONLY, ONE), (2, RecursiveMode::Recursive, TWO)] {
        let config = Config::default().with_poll_interval(ms(millis));
        let mut events = watch_with::<ByHand>(config, path, mode, room).unwrap();
        // And the place of the `Rescan`.
        let room = usize::from(room.get()) + 1;
        assert_eq!(events.hints.max_capacity(), room);
        assert_eq!(events.watcher().config, config);
        assert_eq!(events.watcher().watched, [(path.to_owned(), mode)]);
    }
    for room in [ONE, TWO] {
        let events = watch(path, ONLY, room).unwrap();
        assert_eq!(events.hints.max_capacity(), usize::from(room.get()) + 1);
    }
}

#[tokio::test]
async fn what_is_below_the_folder_is_told_if_the_mode_says_so() {
    let place = Place::new();
    fs::create_dir(place.file("below")).unwrap();
    wait_until_old(&place).await;
    for (mode, told) in [(ONLY, false), (RecursiveMode::Recursive, true)] {
        let mut events = watch(place.path(), mode, ROOM).unwrap();
        place.write("below/inner", "");
        place.write("after", "");
        let before = until_about(&mut events, "after").await;
        assert_eq!(before.iter().any(|name| name == "inner"), told, "{before:?}");
    }
}

#[tokio::test]
async fn a_watch_of_a_file_has_the_room_that_it_was_given() {
    for (room, falls_behind) in [(ONE, true), (ROOM, false)] {
        let place = Place::new();
        let mut hints = watch_file(&place.file("config"), room).unwrap();
        let mut rescan = false;
        for version in 0..if falls_behind { 2_000 } else { 20 } {
            (0..5).for_each(|_| place.write("config", &version.to_string()));
            let next = timeout(PATIENCE, hints.next()).await.expect("a hint");
            rescan |= matches!(next, Some(Ok(Hint::Rescan { .. })));
            while let Some(hint) = after_polls(1, hints.next()).await {
                rescan |= matches!(hint, Some(Ok(Hint::Rescan { .. })));
            }
            if rescan {
                break;
            }
        }
        assert_eq!(rescan, falls_behind);
    }
}

// A watcher that polls.

#[tokio::test]
async fn a_watcher_that_polls_gives_the_same_stream() {
    let place = Place::new();
    let often = polling(ms(1));
    let mut events =
        watch_with::<PollWatcher>(often, place.path(), ONLY, ROOM).unwrap();
    place.write("polled", "");
    until_about(&mut events, "polled").await;
    let missing = watch_with::<PollWatcher>(often, &place.file("no"), ONLY, ROOM);
    assert!(matches!(missing, Err(WatchError::Look { .. })));
}

#[test]
fn polling_compares_contents_as_often_as_it_was_told() {
    for (every, expected) in
        [(ms(20), ms(20)), (Duration::MAX, Duration::MAX), (Duration::ZERO, ms(1))]
    {
        let config = polling(every);
        assert_eq!(config.poll_interval(), Some(expected));
        assert!(config.compare_contents());
    }
}

/// Whether a second save is told that puts the time of the file's change there, from the first one on
/// in milliseconds.
async fn is_told(config: Config, later: i64) -> bool {
    const FIRST: i64 = 1_000_000_000_000;
    let (place, aside) = (Place::new(), Place::new());
    let save = |contents, millis: i64| {
        let changed = SystemTime::UNIX_EPOCH + ms(millis.try_into().unwrap());
        // A look may come at any time: it must find neither the time of the write nor a file that goes away.
        aside.write("config", contents);
        let file = fs::File::options().write(true).open(aside.file("config"));
        file.unwrap().set_modified(changed).unwrap();
        fs::rename(aside.file("config"), place.file("config")).unwrap();
    };
    save("1", FIRST);
    let by_hand = config.with_manual_polling();
    let mut events =
        watch_with::<PollWatcher>(by_hand, place.path(), ONLY, ROOM).unwrap();
    save("2", FIRST + later);
    // A look has no order, and one may have begun before it was asked for: what a look finds is there before what
    // the second one after it finds.
    let mut told = Vec::new();
    for marker in ["1", "2", "3"] {
        place.write(marker, "");
        events.watcher().poll().unwrap();
        told.extend(until_about(&mut events, marker).await);
    }
    told.iter().any(|name| name == "config")
}

#[tokio::test]
async fn a_save_in_the_same_second_or_with_an_earlier_time_is_told_if_contents_are_compared()
 {
    for (later, by_time) in [(1_000, true), (999, false), (-86_400_000, false)] {
        assert_eq!(is_told(Config::default(), later).await, by_time, "{later}");
        assert!(is_told(polling(ms(1)), later).await, "{later}");
    }
}

#[test]
fn dropping_a_stream_that_polls_ends_its_thread_whenever_its_next_look_is() {
    let place = Place::new();
    let events =
        watch_with::<PollWatcher>(polling(Duration::MAX), place.path(), ONLY, ROOM)
            .unwrap();
    let thread = thread_of(&events);
    drop(events);
    ends(&thread);
}

// The end.

#[tokio::test]
async fn when_the_watcher_ends_so_does_the_stream() {
    let mut events = by_hand(TWO);
    events.see_made(1..=1);
    events.watcher().callback = None;
    assert_eq!(now_in(&mut events), [1]);
    let end = timeout(PATIENCE, events.next()).await;
    assert!(end.expect("it never ends").is_none());
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

#[test]
fn that_the_system_lost_some_is_a_rescan_too_and_not_counted() {
    let mut events = by_hand(TWO);
    events.see(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
    // Ours stands behind it.
    events.see_made(1..=4);
    assert_eq!(now_in(&mut events), [0, 1, -3]);
    events.see_made(5..=5);
    assert_eq!(now_in(&mut events), [5]);
}

#[test]
fn a_failure_that_there_is_no_room_for_comes_after_the_rescan() {
    let mut events = by_hand(ONE);
    for lost_before in [1, 0] {
        events.see_made(0..=lost_before);
        events.see(Err(notify::Error::new(ErrorKind::MaxFilesWatch)));
        events.see(Err(notify::Error::new(ErrorKind::WatchNotFound)));
        assert!(matches!(next_in(&mut events), Some(Ok(Hint::Changed(_)))));
        let rescan = next_in(&mut events).unwrap().unwrap();
        assert_eq!(rescan, Hint::Rescan { lost: lost_before + 2 });
        let Some(Err(WatchError::Later(first))) = next_in(&mut events) else {
            panic!("no error")
        };
        assert!(matches!(first.kind, ErrorKind::MaxFilesWatch), "{first}");
        assert_eq!(now_in(&mut events), [0; 0]);
    }
}

/// To the end: how many events were told, how many were lost, and how many rescans said so.
async fn told_lost_and_rescans(mut events: FileEvents<ByHand>) -> (u64, u64, u64) {
    let (mut told, mut lost, mut rescans) = (0, 0, 0);
    while let Some(hint) = events.next().await {
        match hint.unwrap() {
            Hint::Changed(_) => told += 1,
            Hint::Rescan { lost: 0 } => panic!("it was not the system"),
            Hint::Rescan { lost: some } => {
                lost += some;
                rescans += 1;
            }
        }
    }
    (told, lost, rescans)
}

#[tokio::test]
async fn while_two_threads_race_each_event_is_told_or_counted() {
    let mut events = by_hand(TWO);
    let mut callback = events.watcher().callback.take().unwrap();
    let watcher = thread::spawn(move || {
        (0..200_000).for_each(|number| callback.handle_event(Ok(made(number))));
    });
    let (told, lost, rescans) = told_lost_and_rescans(events).await;
    watcher.join().unwrap();
    assert_eq!(told + lost, 200_000, "{told} told, {rescans} rescans");
    assert!(rescans > 0);
}

#[test]
fn a_failure_while_it_watches_is_an_item_and_it_goes_on() {
    let mut events = by_hand(TWO);
    events.see(Err(notify::Error::new(ErrorKind::MaxFilesWatch)));
    let Some(Err(WatchError::Later(error))) = next_in(&mut events) else {
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
        lock(&events.lost).count > 0
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

/// What an error says, and then each cause beneath it.
fn chain(error: &dyn Error) -> Vec<String> {
    let below = std::iter::successors(error.source(), |error| (*error).source());
    std::iter::once(error.to_string()).chain(below.map(ToString::to_string)).collect()
}

#[test]
fn no_error_repeats_its_cause_and_none_loses_it() {
    let path = PathBuf::from("a/b");
    let denied = || io::Error::other("denied");
    let look = WatchError::Look { path: path.clone(), source: denied() };
    assert_eq!(chain(&look), ["cannot look at a/b", "denied"]);
    let watch = WatchError::Watch { path, source: notify::Error::io(denied()) };
    assert_eq!(chain(&watch), ["cannot watch a/b", "denied"]);
    let later = WatchError::Later(notify::Error::io(denied()));
    assert_eq!(chain(&later), ["the watcher failed", "denied"]);
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

#[tokio::test]
async fn of_a_file_with_its_name_in_a_folder_below_it_says_nothing() {
    let place = Place::new();
    fs::create_dir(place.file("below")).unwrap();
    wait_until_old(&place).await;
    let mut hints = watch_file(&place.file("config"), ROOM).unwrap();
    place.write("below/config", "");
    place.write("config", "");
    let first = timeout(PATIENCE, hints.next()).await.expect("a hint");
    let Some(Ok(Hint::Changed(event))) = first else { panic!("{first:?}") };
    assert!(!event.paths[0].ends_with("below/config"), "{event:?}");
}

#[test]
fn what_may_be_about_the_file_is_told() {
    let name = OsStr::new("1");
    assert!(may_be_about(&Ok(Hint::Changed(made(1))), name));
    assert!(!may_be_about(&Ok(Hint::Changed(made(2))), name));
    assert!(may_be_about(&Ok(Hint::Rescan { lost: 1 }), name));
    assert!(may_be_about(&Err(WatchError::Later(notify::Error::generic(""))), name));
}

#[test]
fn the_folder_of_a_file_is_watched() {
    for (file, folder) in [("a/b", "a"), ("b", "."), ("/b", "/")] {
        assert_eq!(folder_of(Path::new(file)), Path::new(folder));
    }
}

#[test]
fn a_path_without_a_name_or_without_its_folder_is_an_error() {
    let cases = [
        ("a/..", "a/..", io::ErrorKind::InvalidInput),
        ("no such folder/config", "no such folder", io::ErrorKind::NotFound),
    ];
    for (file, about, kind) in cases {
        match watch_file(Path::new(file), ROOM).err() {
            Some(WatchError::Look { path, source }) => {
                assert_eq!((path, source.kind()), (about.into(), kind));
            }
            other => panic!("{other:?}"),
        }
    }
}

// Reading again.

/// On the paused clock.
const HOUR: Duration = Duration::from_hours(1);

const PAUSE: Pause = Pause { quiet: ms(50), at_most: ms(200) };

/// A hint at each of these times, in milliseconds from the start, and then no end; an error at those
/// that are odd.
fn hints_at(times: &[u64]) -> impl Stream<Item = Result<u64, u64>> + Send + use<> {
    let start = Instant::now();
    stream::iter(times.to_owned())
        .then(move |at| async move {
            tokio::time::sleep_until(start + ms(at)).await;
            if at % 2 == 0 { Ok(at) } else { Err(at) }
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
    let all = found.take(count).map(Result::unwrap).collect();
    timeout(HOUR, all).await.expect("it waits for ever")
}

#[tokio::test(start_paused = true)]
async fn it_reads_at_once_and_again_after_each_burst() {
    let burst = [100, 102, 104, 110, 500, 510];
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
    assert_eq!(reads(&[4], ms(10), 2).await, [ms(0), ms(60)]);
    assert_eq!(reads(&[100, 156], ms(10), 3).await, [ms(0), ms(150), ms(210)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_pause_each_hint_is_a_read() {
    let mut read = 0;
    let at_once = Pause { quiet: ms(0), at_most: ms(0) };
    let hints = stream::iter(0..5).map(Ok::<_, Infallible>);
    let found = latest(hints, at_once, || {
        read += 1;
        ready(read)
    });
    assert_eq!(found.collect::<Vec<_>>().await, [1, 2, 3, 4, 5, 6].map(Ok));
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
    assert_eq!(found.next().await, Some(Ok(ms(0))));
    assert_eq!(found.next().await, Some(Ok(ms(20))));
    assert_eq!(found.next().await, None);
    assert_eq!(found.next().await, None);
}

/// The first items of `latest`, an error by the time that it was made, each with the time of its coming.
async fn items(times: &[u64], count: usize) -> Vec<(Result<(), u64>, Duration)> {
    let start = Instant::now();
    let found = latest(hints_at(times), PAUSE, || ready(()));
    let all = found.map(|item| (item, start.elapsed())).take(count).collect();
    timeout(HOUR, all).await.expect("it waits for ever")
}

#[tokio::test(start_paused = true)]
async fn an_error_is_an_item_at_once_and_what_there_is_is_read_after_it() {
    let (read, error) = (|at| (Ok(()), ms(at)), |at| (Err(at), ms(at)));
    assert_eq!(items(&[101], 3).await, [read(0), error(101), read(151)]);
    // It neither ends a burst nor begins another.
    let always: Vec<_> = (0..9).map(|number| 100 + number * 30 + number % 2).collect();
    let expected = [read(0), error(131), error(191), error(251), read(300)];
    assert_eq!(items(&always, 5).await, expected);
    // The last hint.
    let found = latest(hints_at(&[11]).take(1), PAUSE, || ready(()));
    assert_eq!(found.collect::<Vec<_>>().await, [Ok(()), Err(11), Ok(())]);
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_long_at_an_error_gets_the_read_at_once() {
    let start = Instant::now();
    let found = latest(hints_at(&[101, 102]), PAUSE, || ready(start.elapsed()));
    let mut found = std::pin::pin!(found);
    let mut came = Vec::new();
    for look in [0, 300, 0, 0] {
        came.push(timeout(HOUR, found.next()).await.expect("an item").unwrap());
        sleep(ms(look)).await;
    }
    // The last is of the hint that had come by then, and was not waited for.
    let expected = [Ok(ms(0)), Err(101), Ok(ms(401)), Ok(ms(451))];
    assert_eq!(came, expected);
}

/// Counts its turns.
async fn other_task(turns: Arc<AtomicUsize>) {
    loop {
        turns.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
    }
}

#[tokio::test]
async fn a_flood_of_hints_is_read_at_the_limit_and_leaves_others_their_turn() {
    const FLOOD: usize = 5_000_000;
    let (came, turns) = (&AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let other = tokio::spawn(other_task(turns.clone()));
    let hints = stream::iter(1..=FLOOD).map(|number| {
        came.store(number, Ordering::SeqCst);
        Ok::<_, Infallible>(())
    });
    let pause = Pause { quiet: Duration::MAX, at_most: ms(5) };
    let found = latest(hints, pause, || ready(came.load(Ordering::SeqCst)));
    let reads: Vec<_> = found.take(2).collect().await;
    assert!(reads[1] < Ok(FLOOD), "it was read after the flood");
    assert!(turns.load(Ordering::SeqCst) > 0, "nobody else had a turn");
    other.abort();
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
        came.extend(after_polls(1, found.next()).await.flatten().transpose().unwrap());
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

/// In place, and by putting a new file there, in turn.
fn twenty_saves(place: Place, round: usize) -> Place {
    for version in 0..20 {
        if (version + round).is_multiple_of(2) {
            place.replace("config", &version.to_string());
        } else {
            place.write("config", &version.to_string());
        }
    }
    place
}

#[tokio::test]
async fn however_it_is_saved_the_last_contents_are_read() {
    for round in 0..10 {
        let place = Place::new();
        let file = place.file("config");
        let hints = watch_file(&file, ROOM).unwrap();
        let pause = Pause { quiet: ms(1), at_most: ms(10) };
        let found = latest(hints, pause, || tokio::fs::read_to_string(file.clone()));
        let mut found = std::pin::pin!(found);
        let missing = found.try_next().await.unwrap().unwrap().unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let saves = spawn_blocking(move || twenty_saves(place, round));
        let last = async {
            while found.try_next().await.unwrap().unwrap().ok().as_deref() != Some("19")
            {
            }
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
