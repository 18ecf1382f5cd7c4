use super::*;
use backend::Alive;
use backend::cancel::after_polls;
use futures::FutureExt;
use proptest::prelude::*;
use std::fs;
use std::io::Cursor;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncSeekExt, AsyncWriteExt, ReadBuf, duplex, repeat};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::LinesStream;
use tokio_test::io::Builder as Script;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

const fn bytes(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A folder with one log in it.
struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn with(log: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, log).unwrap();
        Self { _folder: folder, path }
    }
}

/// Lines of 20 bytes, line feed and all.
fn log_of(lines: usize) -> String {
    (1..=lines)
        .fold(String::new(), |log, number| log + &format!("this is line {number:06}\n"))
}

async fn all_of<R>(mut lines: LogLines<R>) -> Vec<(u64, String)>
where
    R: AsyncBufRead + Unpin,
{
    let mut all = Vec::new();
    while let Some(line) = lines.next().await.unwrap() {
        all.push((line.number, line.text().into_owned()));
    }
    all
}

fn too_long<T: std::fmt::Debug>(result: Result<T, LogError>) -> (u64, usize) {
    match result {
        Err(LogError::TooLong { number, limit }) => (number, limit.get()),
        other => panic!("{other:?}"),
    }
}

/// Counts the bytes that were taken from it.
struct Counted<R> {
    reader: R,
    taken: Arc<AtomicUsize>,
}

fn counted<R>(reader: R) -> (Counted<R>, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    (Counted { reader, taken: Arc::clone(&taken) }, taken)
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.reader).poll_read(cx, buffer);
        self.taken.fetch_add(buffer.filled().len() - before, Ordering::SeqCst);
        read
    }
}

// Lines.

#[tokio::test]
async fn each_line_comes_with_its_number_and_without_its_end() {
    let lines = LogLines::new(&b"a\nb\r\n\nlast"[..], bytes(10));
    let expected = [(1, "a"), (2, "b"), (3, ""), (4, "last")];
    assert_eq!(all_of(lines).await, expected.map(|(n, text)| (n, text.to_owned())));
}

proptest! {
    #[test]
    fn any_text_gives_the_lines_of_the_standard_library(
        text in "[ab\r\n\u{e9}]{0,60}",
        buffer in 1..20_usize,
    ) {
        let reader = BufReader::with_capacity(buffer, text.as_bytes());
        let lines = LogLines::new(reader, bytes(1_000));
        let found = all_of(lines).now_or_never().unwrap();
        let expected: Vec<_> =
            (1..).zip(text.lines().map(str::to_owned)).collect();
        prop_assert_eq!(&found, &expected);
        let reader = io::BufReader::with_capacity(buffer, text.as_bytes());
        let found = fold_now(reader, bytes(1_000), Vec::new(), |mut all, line| {
            all.push((line.number, line.text().into_owned()));
            Some(all)
        });
        prop_assert_eq!(found.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_line_of_the_limit_is_taken_and_one_byte_more_is_an_error_with_its_number() {
    let log = b"ok\n1234\n12345\nok\n123456789012345\nok\n1234";
    let mut lines = LogLines::new(&log[..], bytes(4));
    let mut came = Vec::new();
    loop {
        match lines.next().await {
            Ok(Some(line)) => came.push((line.number, line.text().into_owned())),
            Ok(None) => break,
            error => came.push((too_long(error).0, "-".to_owned())),
        }
    }
    let expected =
        [(1, "ok"), (2, "1234"), (3, "-"), (4, "ok"), (5, "-"), (6, "ok"), (7, "1234")];
    assert_eq!(came, expected.map(|(n, text)| (n, text.to_owned())));
    let fold = fold_now(&log[..], bytes(4), 0, |lines, _| Some(lines + 1));
    assert_eq!(too_long(fold), (3, 4));
    let fold = fold_now(&b"12345"[..], bytes(4), 0, |lines, _| Some(lines));
    assert_eq!(too_long(fold), (1, 4));
    let fold = LogLines::new(&log[..], bytes(4)).fold(0, |lines, _| lines + 1);
    assert_eq!(too_long(fold.await), (3, 4));
}

#[tokio::test]
async fn the_longest_limit_there_is_can_be_set() {
    let lines = LogLines::new(&b"a\n"[..], NonZeroUsize::MAX);
    assert_eq!(lines.fold(0, |lines, _| lines + 1).await.unwrap(), 1);
}

#[tokio::test]
async fn an_endless_line_costs_no_more_than_its_limit() {
    let (endless, taken) = counted(repeat(b'x'));
    let reader = BufReader::with_capacity(4 * KIB, endless);
    let mut lines = LogLines::new(reader, bytes(64 * KIB));
    assert_eq!(too_long(lines.next().await), (1, 64 * KIB));
    assert_eq!(taken.load(Ordering::SeqCst), 68 * KIB, "the limit and one buffer");
    assert!(lines.line.capacity() <= 2 * (64 * KIB + 1));
}

#[test]
fn for_blocking_code_too_an_endless_line_costs_no_more_than_its_limit() {
    let endless = io::Read::take(io::repeat(b'x'), 16 * MIB as u64);
    let mut reader = io::BufReader::with_capacity(4 * KIB, endless);
    let fold = fold_now(&mut reader, bytes(64 * KIB), (), |(), _| Some(()));
    assert_eq!(too_long(fold), (1, 64 * KIB));
    let taken = 16 * MIB as u64 - reader.get_ref().limit();
    assert_eq!(taken, 68 * KIB as u64, "the limit and one buffer");
}

#[tokio::test]
async fn a_line_that_is_passed_over_is_never_held() {
    let long = repeat(b'x').take(16 * MIB as u64).chain(&b"\nnext\n"[..]);
    let mut lines = LogLines::new(BufReader::new(long), bytes(KIB));
    assert_eq!(too_long(lines.next().await), (1, KIB));
    let next = lines.next().await.unwrap().unwrap();
    assert_eq!(next, Line { number: 2, bytes: b"next" });
    assert!(lines.line.capacity() <= 2 * (KIB + 1));
}

#[tokio::test]
async fn however_many_lines_there_are_one_is_held() {
    let log = log_of(100_000);
    let mut lines = LogLines::new(log.as_bytes(), bytes(KIB));
    lines.next().await.unwrap();
    let (one, held) = (lines.line.as_ptr(), lines.line.capacity());
    let mut count = 1;
    while let Some(line) = lines.next().await.unwrap() {
        assert_eq!(line.bytes.as_ptr(), one);
        count += 1;
    }
    assert_eq!((count, lines.line.capacity()), (100_000, held));
    assert!(held <= 40, "{held} bytes for lines of 20");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_shown_as_such_and_nothing_stops() {
    let mut lines = LogLines::new(&b"caf\xe9\nnext\n"[..], bytes(10));
    let line = lines.next().await.unwrap().unwrap();
    assert_eq!((line.bytes, &*line.text()), (&b"caf\xe9"[..], "caf\u{fffd}"));
    assert_eq!(lines.next().await.unwrap().unwrap().text(), "next");
}

#[tokio::test]
async fn a_failed_read_is_told_with_its_line_and_can_be_tried_again() {
    let failure = io::Error::from(io::ErrorKind::ConnectionReset);
    let script = Script::new().read(b"a\nb").read_error(failure).read(b"c\n").build();
    let mut lines = LogLines::new(BufReader::new(script), bytes(10));
    lines.next().await.unwrap();
    match lines.next().await {
        Err(LogError::Read { number, source }) => {
            assert_eq!((number, source.kind()), (2, io::ErrorKind::ConnectionReset));
        }
        other => panic!("{other:?}"),
    }
    let again = lines.next().await.unwrap().unwrap();
    assert_eq!(again, Line { number: 2, bytes: b"bc" });
    assert_eq!(lines.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_failed_read_of_a_line_that_is_too_long_names_that_line() {
    let failure = io::Error::from(io::ErrorKind::ConnectionReset);
    let script = Script::new().read(b"12345").read_error(failure).build();
    let mut lines = LogLines::new(BufReader::new(script), bytes(2));
    assert_eq!(too_long(lines.next().await), (1, 2));
    let error = lines.next().await.unwrap_err();
    assert!(matches!(error, LogError::Read { number: 1, .. }), "{error}");
}

// Files.

#[tokio::test]
async fn a_file_is_folded_and_a_missing_one_is_an_error_with_its_path() {
    let place = Place::with(log_of(10_000));
    for buffer in [100, 8 * KIB, MIB].map(bytes) {
        let lines = open(&place.path, buffer, bytes(100)).await.unwrap();
        let sum = lines.fold(0, |sum, line| sum + line.bytes.len()).await.unwrap();
        assert_eq!(sum, 19 * 10_000);
        let sum = fold_on_a_thread(&place.path, buffer, bytes(100), 0, |sum, line| {
            sum + line.bytes.len()
        });
        assert_eq!(sum.await.unwrap(), 19 * 10_000);
    }
    let missing = place.path.with_extension("missing");
    let error = open(&missing, bytes(KIB), bytes(100)).await.err();
    let on_a_thread =
        fold_on_a_thread(&missing, bytes(KIB), bytes(100), (), |(), _| ());
    for error in [error, on_a_thread.await.err()] {
        let Some(LogError::Open { path, source }) = error else { panic!("{error:?}") };
        assert_eq!((path, source.kind()), (missing.clone(), io::ErrorKind::NotFound));
    }
}

#[tokio::test]
async fn of_a_file_too_no_line_is_longer_than_the_limit() {
    let place = Place::with("1234\n12345\n");
    let lines = open(&place.path, bytes(KIB), bytes(4)).await.unwrap();
    assert_eq!(too_long(lines.fold(0, |lines, _| lines + 1).await), (2, 4));
    let lines = open(&place.path, bytes(KIB), bytes(4)).await.unwrap();
    let mut texts: Vec<_> = texts(lines).collect().await;
    assert_eq!(too_long(texts.pop().unwrap()), (2, 4));
    assert_eq!((texts.len(), texts[0].as_deref().unwrap()), (1, "1234"));
    let count = |lines, _: Line<'_>| lines + 1;
    let fold = fold_on_a_thread(&place.path, bytes(KIB), bytes(4), 0, count);
    assert_eq!(too_long(fold.await), (2, 4));
    let log = Cursor::new("1234\n12345\n");
    let fold = naive::fold_to_the_end(log, bytes(4), 0, count);
    assert_eq!(too_long(fold.await), (2, 4));
}

#[tokio::test]
async fn a_thread_too_reads_one_buffer_ahead() {
    for (buffer, lines) in [(200, 10), (2_000, 100), (20_000, 1_000)] {
        let place = Place::with(log_of(10_000));
        let path = place.path.clone();
        // The log is emptied while the first line is folded.
        let empty = move |lines, _: Line<'_>| {
            if lines == 0 {
                fs::write(&path, "").unwrap();
            }
            lines + 1
        };
        let fold = fold_on_a_thread(&place.path, bytes(buffer), bytes(100), 0, empty);
        assert_eq!(fold.await.unwrap(), lines);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_can_be_opened_and_is_an_error_at_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let (path, buffer, limit) = (folder.path(), bytes(KIB), bytes(100));
    let task = open(path, buffer, limit).await.unwrap().fold((), |(), _| ()).await;
    let thread = fold_on_a_thread(path, buffer, limit, (), |(), _| ()).await;
    for end in [task, thread] {
        let Err(LogError::Read { number, source }) = end else { panic!("{end:?}") };
        assert_eq!((number, source.kind()), (1, io::ErrorKind::IsADirectory));
    }
}

#[tokio::test]
async fn a_buffer_that_no_memory_holds_is_a_panic() {
    let place = Place::with("a\n");
    let path = place.path.clone();
    let task = tokio::spawn(async move {
        open(&path, NonZeroUsize::MAX, bytes(10)).await.map(drop)
    });
    let path = place.path.clone();
    let most = NonZeroUsize::MAX;
    let thread = fold_on_a_thread(path, most, bytes(10), (), |(), _| ());
    for end in [task.await, tokio::spawn(thread).await] {
        let panic = end.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"capacity overflow"));
    }
}

#[tokio::test]
async fn a_next_dropped_at_any_await_loses_nothing() {
    let place = Place::with(log_of(1_000));
    let mut lines = open(&place.path, bytes(100), bytes(100)).await.unwrap();
    let (mut dropped, mut came) = (0, Vec::new());
    loop {
        // Of five buffers, one or two in which a line begins.
        match after_polls(1, lines.next()).await {
            Some(Ok(Some(line))) => came.push(line.number),
            Some(end) => break assert_eq!(end.unwrap(), None),
            None => {
                dropped += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    assert_eq!(came, (1..=1_000).collect::<Vec<_>>());
    assert!(dropped > 0, "it never waited");
    assert_eq!(lines.position(), 20_000);
}

#[tokio::test(start_paused = true)]
async fn a_next_dropped_within_a_line_keeps_what_has_come() {
    let script = || {
        Script::new()
            .read(b"he")
            .wait(ms(10))
            .read(b"llo, this is too long")
            .wait(ms(10))
            .read(b", still\nnext")
            .wait(ms(10))
            .build()
    };
    let mut lines = LogLines::new(BufReader::new(script()), bytes(10));
    let (mut came, mut dropped) = (Vec::new(), 0);
    loop {
        match after_polls(1, lines.next()).await {
            Some(Ok(Some(line))) => came.push(line.text().into_owned()),
            Some(Ok(None)) => break,
            Some(error) => came.push(format!("{:?}", too_long(error))),
            None => {
                dropped += 1;
                sleep(ms(1)).await;
            }
        }
    }
    assert_eq!(came, ["(1, 10)", "next"]);
    assert!(dropped >= 3, "{dropped}");
}

#[tokio::test]
async fn from_the_position_of_a_line_a_later_run_goes_on_with_the_next() {
    let place = Place::with(log_of(1_000));
    let (mut from, mut came) = (0, Vec::new());
    loop {
        let mut file = tokio::fs::File::open(&place.path).await.unwrap();
        file.seek(io::SeekFrom::Start(from)).await.unwrap();
        let mut lines = LogLines::new(BufReader::new(file), bytes(100));
        for _ in 0..300 {
            let Some(line) = lines.next().await.unwrap() else { break };
            came.push(line.text().into_owned());
        }
        if lines.position() == 0 {
            break;
        }
        from += lines.position();
    }
    assert_eq!(came.join("\n") + "\n", log_of(1_000));
}

#[tokio::test]
async fn a_line_that_is_too_long_does_not_move_the_position() {
    let mut lines = LogLines::new(&b"ok\ntoo long\nok\n"[..], bytes(3));
    lines.next().await.unwrap();
    too_long(lines.next().await);
    assert_eq!(lines.position(), 3);
    lines.next().await.unwrap();
    assert_eq!(lines.position(), 15);
}

#[tokio::test]
async fn a_file_is_read_one_buffer_ahead_and_never_more_than_two_mib() {
    let place = Place::with(log_of(300_000));
    for (buffer, ahead) in [(8 * KIB, 8 * KIB), (MIB, MIB), (4 * MIB, 2 * MIB)] {
        let mut lines = open(&place.path, bytes(buffer), bytes(100)).await.unwrap();
        lines.next().await.unwrap().unwrap();
        let position = lines.reader.get_mut().stream_position().await.unwrap();
        assert_eq!((position, lines.position()), (ahead as u64, 20));
    }
}

#[tokio::test]
async fn as_a_stream_it_passes_over_what_is_too_long_and_ends_at_a_failed_read() {
    /// Fails each time.
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }
    let log = BufReader::new(AsyncReadExt::chain(&b"a\ntoo long\nb\xff\n"[..], Broken));
    let texts = texts(LogLines::new(log, bytes(3)));
    let came: Vec<_> = texts
        .map(|text| text.unwrap_or_else(|error| error.to_string()))
        .take(10)
        .collect()
        .await;
    let expected =
        ["a", "line 2 has more than 3 bytes", "b\u{fffd}", "cannot read line 4"];
    assert_eq!(came, expected);
}

#[tokio::test]
async fn as_a_stream_it_stays_ended() {
    let mut texts = pin!(texts(LogLines::new(&b"a\n"[..], bytes(3))));
    assert_eq!(texts.next().await.unwrap().unwrap(), "a");
    assert!(texts.next().await.is_none());
    assert!(texts.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn as_a_stream_too_it_keeps_what_has_come_of_a_line_if_a_next_is_dropped() {
    let log = Script::new()
        .read(b"he")
        .wait(ms(10))
        .read(b"llo\nthis is too long")
        .wait(ms(10))
        .read(b", still\nne")
        .wait(ms(10))
        .read(b"xt\n")
        .build();
    let mut texts = pin!(texts(LogLines::new(BufReader::new(log), bytes(10))));
    let (mut came, mut dropped) = (Vec::new(), 0);
    loop {
        match after_polls(1, texts.next()).await {
            Some(Some(text)) => {
                came.push(text.unwrap_or_else(|error| error.to_string()));
            }
            Some(None) => break,
            None => {
                dropped += 1;
                sleep(ms(1)).await;
            }
        }
    }
    assert_eq!(came, ["hello", "line 2 has more than 10 bytes", "next"]);
    assert!(dropped >= 3, "{dropped}");
}

#[tokio::test]
async fn dropping_the_fold_closes_the_file() {
    /// A reader that counts as alive.
    struct Guarded(tokio::io::Empty, #[expect(dead_code)] backend::alive::Guard);
    impl AsyncRead for Guarded {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let _ = self.0;
            Poll::Pending
        }
    }
    let alive = Alive::default();
    let reader = BufReader::new(Guarded(tokio::io::empty(), alive.guard()));
    let fold = LogLines::new(reader, bytes(10)).fold((), |(), _| ());
    assert!(after_polls(1, fold).await.is_none());
    assert_eq!(alive.count(), 0);
}

#[tokio::test]
async fn while_the_reader_is_ready_the_fold_does_not_yield() {
    let log = log_of(10_000);
    let fold = LogLines::new(log.as_bytes(), bytes(100)).fold(0, |n, _| n + 1);
    assert_eq!(after_polls(1, fold).await.unwrap().unwrap(), 10_000);
}

#[tokio::test]
async fn all_of_it_can_be_spawned() {
    let place = Place::with(log_of(10));
    let path = place.path.clone();
    let all = tokio::spawn(async move {
        let (buffer, limit) = (bytes(KIB), bytes(100));
        let folded = open(&path, buffer, limit).await?.fold(0, |n, _| n + 1).await?;
        let lines = texts(open(&path, buffer, limit).await?).count().await;
        let thread = fold_on_a_thread(&path, buffer, limit, 0, |n, _| n + 1).await?;
        Ok::<_, LogError>((folded, lines, thread))
    });
    assert_eq!(all.await.unwrap().unwrap(), (10, 10, 10));
}

// The thread.

#[tokio::test]
async fn dropped_it_stops_the_thread_before_the_next_line() {
    let place = Place::with(log_of(1_000));
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let (open_gate, gate) = mpsc::channel::<()>();
    let mut fold = Box::pin(fold_on_a_thread(
        &place.path,
        bytes(KIB),
        bytes(100),
        (),
        move |(), line: Line<'_>| {
            begun.send(line.number).unwrap();
            gate.recv().ok();
        },
    ));
    tokio::select! {
        end = &mut fold => panic!("{end:?}"),
        first = begins.recv() => assert_eq!(first, Some(1)),
    }
    drop(fold);
    drop(open_gate);
    assert_eq!(begins.recv().await, None, "no second line, and the thread has let go");
}

#[tokio::test]
async fn a_panic_on_the_thread_is_passed_on() {
    let place = Place::with("a\n");
    let path = place.path.clone();
    let fold = fold_on_a_thread(path, bytes(KIB), bytes(10), (), |(), _| {
        panic!("as the test wants")
    });
    let panic = tokio::spawn(fold).await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref(), Some(&"as the test wants"));
}

#[test]
fn dropped_before_its_turn_on_a_thread_it_folds_no_line() {
    let place = Place::with(log_of(10));
    let runtime =
        Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (open_gate, gate) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    runtime.block_on(async {
        // The only thread is taken.
        let busy = spawn_blocking(move || gate.recv());
        let step = move |(), line: Line<'_>| begun.send(line.number).unwrap();
        let fold = fold_on_a_thread(&place.path, bytes(KIB), bytes(100), (), step);
        assert!(after_polls(1, fold).await.is_none());
        drop(open_gate);
        busy.await.unwrap().unwrap_err();
    });
    // It waits until the thread has let go.
    assert_eq!(begins.into_iter().count(), 0);
}

#[test]
fn a_runtime_that_shut_down_says_so() {
    let place = Place::with("a\n");
    let runtime = Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _inside = handle.enter();
    let fold = fold_on_a_thread(&place.path, bytes(KIB), bytes(10), (), |(), _| ());
    let end = futures::executor::block_on(fold);
    assert!(matches!(end, Err(LogError::Stopped)), "{end:?}");
}

#[test]
fn a_step_that_gives_none_stops_the_fold() {
    let log = log_of(10);
    let mut steps = 0;
    let end = fold_now(log.as_bytes(), bytes(100), (), |(), line| {
        steps += 1;
        (line.number < 3).then_some(())
    });
    assert!(matches!(end, Err(LogError::Stopped)));
    assert_eq!(steps, 3);
}

#[test]
fn a_failed_read_on_the_thread_is_told_with_its_line() {
    /// Fails after what is in it.
    struct Fails(Cursor<&'static [u8]>);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match Read::read(&mut self.0, buffer)? {
                0 => Err(io::ErrorKind::ConnectionReset.into()),
                read => Ok(read),
            }
        }
    }
    let reader = io::BufReader::new(Fails(Cursor::new(b"a\nb")));
    let end = fold_now(reader, bytes(10), (), |(), _| Some(()));
    assert!(matches!(end, Err(LogError::Read { number: 2, .. })), "{end:?}");
}

// What goes wrong, and what tokio does.

#[tokio::test]
async fn collected_first_all_lines_are_there_before_the_first_is_folded() {
    let place = Place::with(log_of(50_000));
    // The log is emptied while the first line is folded.
    let empty = |lines: u64| {
        if lines == 0 {
            fs::write(&place.path, "").unwrap();
        }
        lines + 1
    };
    let held = naive::collect_first(&place.path, 0, |lines, _| empty(lines));
    assert_eq!(held.await.unwrap(), 50_000);
    fs::write(&place.path, log_of(50_000)).unwrap();
    let lines = open(&place.path, bytes(2_000), bytes(100)).await.unwrap();
    let held = lines.fold(0, |lines, _| empty(lines));
    assert_eq!(held.await.unwrap(), 100, "one buffer");
}

#[tokio::test]
async fn the_lines_of_tokio_have_no_limit() {
    let (long, taken) = counted(repeat(b'x').take(16 * MIB as u64));
    let mut lines = BufReader::new(long).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    assert_eq!((line.len(), taken.load(Ordering::SeqCst)), (16 * MIB, 16 * MIB));
}

#[tokio::test]
async fn the_lines_of_tokio_give_an_error_for_bytes_that_are_no_text_and_go_on() {
    let lines = LinesStream::new(BufReader::new(&b"a\n\xe9\nb\n"[..]).lines());
    let came: Vec<_> =
        lines.map(|line| line.map_err(|error| error.kind())).collect().await;
    let expected =
        [Ok("a".into()), Err(io::ErrorKind::InvalidData), Ok("b".to_owned())];
    assert_eq!(came, expected);
}

#[tokio::test]
async fn the_last_line_of_a_growing_log_is_handed_out_as_far_as_it_is() {
    use std::io::Write;
    let place = Place::with("a\nhal");
    let mut lines = open(&place.path, bytes(KIB), bytes(100)).await.unwrap();
    let mut came = Vec::new();
    for _ in 0..2 {
        while let Some(line) = lines.next().await.unwrap() {
            came.push(line.text().into_owned());
        }
        let mut log = fs::OpenOptions::new().append(true).open(&place.path).unwrap();
        log.write_all(b"f\nb\n").unwrap();
    }
    assert_eq!(came, ["a", "hal", "f", "b"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_log_that_is_renamed_while_it_is_read_is_read_to_its_end() {
    let place = Place::with(log_of(1_000));
    let mut lines = open(&place.path, bytes(100), bytes(100)).await.unwrap();
    lines.next().await.unwrap();
    fs::rename(&place.path, place.path.with_extension("old")).unwrap();
    fs::write(&place.path, "a new one\n").unwrap();
    assert_eq!(lines.fold(1, |lines, _| lines + 1).await.unwrap(), 1_000);
}

#[test]
fn a_buffer_of_zero_bytes_makes_every_log_empty_and_panics_in_tokio() {
    let place = Place::with(log_of(10));
    let file = File::open(&place.path).unwrap();
    assert_eq!(io::BufReader::with_capacity(0, file).lines().count(), 0);
    let reader = std::panic::catch_unwind(|| {
        BufReader::with_capacity(0, tokio::io::empty());
    });
    assert!(reader.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_read_line_at_its_limit_loses_what_has_come_of_the_line() {
    let (mut to, from) = duplex(100);
    let mut reader = BufReader::new(from);
    let mut line = String::new();
    to.write_all(b"hel").await.unwrap();
    let start = Instant::now();
    let end = naive::next_within(ms(10), &mut reader, &mut line).await;
    assert!(end.is_none());
    assert_eq!(start.elapsed(), ms(10));
    to.write_all(b"lo\n").await.unwrap();
    naive::next_within(ms(10), &mut reader, &mut line).await.unwrap().unwrap();
    assert_eq!(line, "lo\n");
}

#[tokio::test(start_paused = true)]
async fn a_next_at_its_limit_keeps_what_has_come_of_the_line() {
    let (mut to, from) = duplex(100);
    let mut lines = LogLines::new(BufReader::new(from), bytes(10));
    to.write_all(b"hel").await.unwrap();
    tokio::time::timeout(ms(10), lines.next()).await.unwrap_err();
    to.write_all(b"lo\n").await.unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap().text(), "hello");
}

#[tokio::test]
async fn a_thread_that_does_not_look_up_goes_on_to_the_end_for_nobody() {
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let (open_gate, gate) = mpsc::channel::<()>();
    let log = Cursor::new(log_of(1_000));
    let mut fold =
        Box::pin(naive::fold_to_the_end(log, bytes(100), (), move |(), line| {
            begun.send(line.number).unwrap();
            gate.recv().ok();
        }));
    tokio::select! {
        end = &mut fold => panic!("{end:?}"),
        first = begins.recv() => assert_eq!(first, Some(1)),
    }
    drop(fold);
    drop(open_gate);
    let mut last = None;
    while let Some(line) = begins.recv().await {
        last = Some(line);
    }
    assert_eq!(last, Some(1_000));
}
