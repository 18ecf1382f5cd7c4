use super::*;
use backend::cancel::after_polls;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

const OLD: &[u8] = b"old";
const NEW: &[u8] = b"something new";
const MIB: usize = 1 << 20;

/// A folder of its own, with one file in it.
struct Place {
    folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, OLD).unwrap();
        Self { folder, path }
    }

    fn holds(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    fn files(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }

    #[track_caller]
    fn is_untouched(&self) {
        assert_eq!((self.holds().as_slice(), self.files()), (OLD, 1));
    }
}

fn write_new(file: &mut dyn Write) -> io::Result<()> {
    file.write_all(NEW)
}

fn other(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}

/// With one blocking thread, in order: when a closure runs, all that was queued before has ended.
fn one_blocking_thread() -> Runtime {
    runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap()
}

/// Keeps the blocking thread busy until the sender says so.
fn gate() -> mpsc::Sender<()> {
    let (open, gate) = mpsc::channel();
    spawn_blocking(move || gate.recv());
    open
}

async fn all_blocking_work_has_ended() {
    spawn_blocking(|| ()).await.unwrap();
}

// The file.

#[tokio::test]
async fn it_replaces_the_file_and_leaves_no_other() {
    let place = Place::new();
    replace(&place.path, write_new).await.unwrap();
    assert_eq!((place.holds().as_slice(), place.files()), (NEW, 1));
}

#[tokio::test]
async fn it_makes_a_file_that_was_not_there() {
    let place = Place::new();
    let path = place.folder.path().join("another");
    replace(&path, write_new).await.unwrap();
    assert_eq!((fs::read(&path).unwrap().as_slice(), place.files()), (NEW, 2));
}

#[tokio::test]
async fn a_replacement_can_be_spawned() {
    let place = Place::new();
    tokio::spawn(replace(place.path.clone(), write_new)).await.unwrap().unwrap();
    assert_eq!(place.holds(), NEW);
}

#[test]
fn while_it_writes_the_old_file_is_whole() {
    let place = Place::new();
    let path = place.path.clone();
    let write = move |file: &mut dyn Write| {
        write_new(file)?;
        assert_eq!(fs::read(path)?, OLD);
        Ok(())
    };
    replace_now(&place.path, write).unwrap();
    assert_eq!(place.holds(), NEW);
}

#[test]
fn the_temporary_file_is_in_the_same_folder() {
    let place = Place::new();
    let folder = place.folder.path().to_owned();
    let write = move |_: &mut dyn Write| {
        assert_eq!(fs::read_dir(folder)?.count(), 2);
        Ok(())
    };
    replace_now(&place.path, write).unwrap();
    assert_eq!(place.files(), 1);
}

#[cfg(unix)]
#[test]
fn a_reader_sees_the_whole_old_or_the_whole_new_file() {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    let place = Place::new();
    fs::write(&place.path, vec![0; MIB]).unwrap();
    let (reads, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let seen = place.holds();
                assert_eq!(seen.len(), MIB);
                assert!(seen.iter().all(|byte| *byte == seen[0]), "a mix");
                reads.fetch_add(1, Ordering::SeqCst);
            }
        });
        let rounds = (1..=20).map(|round| {
            let half_way = |file: &mut dyn Write| {
                file.write_all(&vec![round; MIB / 2])?;
                // A whole read, from its beginning to its end, with half of the file written.
                let before = reads.load(Ordering::SeqCst);
                while reads.load(Ordering::SeqCst) < before + 2 && !reader.is_finished()
                {
                    thread::yield_now();
                }
                file.write_all(&vec![round; MIB / 2])
            };
            replace_now(&place.path, half_way)
        });
        let ends: Vec<_> = rounds.collect();
        done.store(true, Ordering::SeqCst);
        assert!(ends.iter().all(Result::is_ok), "{ends:?}");
    });
    assert_eq!((place.holds(), place.files()), (vec![20; MIB], 1));
}

#[test]
fn of_two_writers_at_once_one_wins_whole() {
    let place = Place::new();
    let both_write = Barrier::new(2);
    let write = |byte: u8| {
        let half_way = |file: &mut dyn Write| {
            file.write_all(&vec![byte; MIB / 2])?;
            both_write.wait();
            file.write_all(&vec![byte; MIB / 2])
        };
        replace_now(&place.path, half_way)
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| write(b'a'));
        write(b'b').unwrap();
        other.join().unwrap().unwrap();
    });
    let seen = place.holds();
    assert_eq!((seen.len(), place.files()), (MIB, 1));
    assert!(seen.iter().all(|byte| *byte == seen[0]), "a mix");
}

// Dropped.

#[test]
fn dropped_at_any_await_it_leaves_the_old_or_the_new_file_and_no_other() {
    one_blocking_thread().block_on(async {
        for polls in 0.. {
            let place = Place::new();
            let open = gate();
            let (end, ()) = tokio::join!(
                biased;
                after_polls(polls, replace(&place.path, write_new)),
                async { open.send(()).unwrap() },
            );
            all_blocking_work_has_ended().await;
            let expected = if polls == 0 { OLD } else { NEW };
            assert_eq!((place.holds().as_slice(), place.files()), (expected, 1));
            if let Some(end) = end {
                end.unwrap();
                assert_eq!(polls, 2, "one await");
                break;
            }
        }
    });
}

#[test]
fn a_dropped_write_may_end_after_a_later_one_and_undo_it() {
    let place = Place::new();
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ((announce, begun), (open, gate)) = (oneshot::channel(), mpsc::channel());
        let older = replace(&place.path, move |file| {
            announce.send(()).unwrap();
            gate.recv().unwrap();
            file.write_all(b"older")
        });
        assert!(after_polls(1, older).await.is_none());
        begun.await.unwrap();
        replace(&place.path, write_new).await.unwrap();
        assert_eq!(place.holds(), NEW);
        open.send(()).unwrap();
    });
    // Waits for blocking work that has begun.
    drop(runtime);
    assert_eq!((place.holds().as_slice(), place.files()), (&b"older"[..], 1));
}

#[test]
fn a_runtime_that_shut_down_before_leaves_the_file_and_says_so() {
    let place = Place::new();
    let runtime = one_blocking_thread();
    let handle = runtime.handle().clone();
    drop(runtime);
    let error = handle.block_on(replace(&place.path, write_new)).unwrap_err();
    assert_eq!((error.step, &error.path), (Step::Begin, &place.path));
    assert_eq!(error.to_string(), format!("{}: cannot begin", place.path.display()));
    place.is_untouched();
}

#[tokio::test]
async fn a_panic_while_writing_is_passed_on_and_leaves_the_old_file() {
    let place = Place::new();
    let write = |file: &mut dyn Write| {
        write_new(file)?;
        panic!("on purpose")
    };
    let panicked = tokio::spawn(replace(place.path.clone(), write)).await.unwrap_err();
    assert_eq!(panicked.into_panic().downcast_ref(), Some(&"on purpose"));
    place.is_untouched();
}

// Each step can fail.

#[track_caller]
fn fails_at(
    step: Step,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) {
    let error = replace_now(path, write).unwrap_err();
    assert_eq!((error.step, error.path.as_path()), (step, path), "{}", error.source);
}

/// Something that cannot be synced.
#[cfg(target_os = "linux")]
fn pipe() -> File {
    let (_, writer) = io::pipe().unwrap();
    File::from(std::os::fd::OwnedFd::from(writer))
}

#[test]
fn a_write_that_fails_half_way_leaves_the_old_file_and_no_other() {
    let place = Place::new();
    fails_at(Step::Write, &place.path, |file| {
        write_new(file)?;
        Err(other("disk full"))
    });
    place.is_untouched();
}

#[test]
fn a_rename_that_fails_leaves_no_other_file() {
    let place = Place::new();
    let directory = place.folder.path().join("directory");
    fs::create_dir(&directory).unwrap();
    fails_at(Step::Rename, &directory, write_new);
    assert!(directory.is_dir());
    assert_eq!(place.files(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_failure_at_any_other_step_leaves_the_old_file_and_no_other() {
    let place = Place::new();
    fails_at(Step::Look, &place.folder.path().join("missing/file"), write_new);
    fails_at(Step::Look, &place.path.join("below-a-file"), write_new);
    let too_long = place.folder.path().join("x".repeat(256));
    fails_at(Step::Look, &too_long, write_new);
    // Nobody makes a file there, and nobody changes the permissions of one, root neither.
    fails_at(Step::Create, Path::new("/proc/self/file"), write_new);
    let comm = File::open("/proc/self/comm").unwrap();
    for (step, file) in [(Step::Permit, comm), (Step::Sync, pipe())] {
        let (folder, old) = (Folder::of(&place.path), permissions_of(&place.path));
        let folder = folder.unwrap();
        let (_, beside) = folder.temporary(true).unwrap().into_parts();
        let new = NamedTempFile::from_parts(file, beside);
        let end = put_in_place(new, old.unwrap(), &folder, &place.path);
        assert_eq!(end.unwrap_err().step, step);
    }
    place.is_untouched();
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_synced_is_told_with_the_new_file_in_place() {
    let place = Place::new();
    let folder = Folder { path: place.folder.path().to_owned(), handle: pipe() };
    let error = replace_in(&folder, &place.path, write_new).unwrap_err();
    assert_eq!((error.step, &error.path), (Step::SyncFolder, &place.path));
    assert_eq!((place.holds().as_slice(), place.files()), (NEW, 1));
}

#[test]
fn the_error_names_the_file_the_step_and_the_cause() {
    let place = Place::new();
    let error = replace_now(&place.path, |_| Err(other("disk full"))).unwrap_err();
    let path = place.path.display();
    assert_eq!(error.to_string(), format!("{path}: cannot write the temporary file"));
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "disk full");
}

#[test]
fn a_bare_name_is_in_the_current_folder() {
    assert_eq!(Folder::of(Path::new("name")).unwrap().path, Path::new("."));
}

// Permissions and links.

#[cfg(unix)]
#[test]
fn the_new_file_has_the_permissions_of_the_old() {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        |file: &Path| fs::metadata(file).map(|file| file.permissions().mode() & 0o777);
    let place = Place::new();
    fs::set_permissions(&place.path, Permissions::from_mode(0o754)).unwrap();
    let mut while_written = Vec::new();
    let write = |file: &mut dyn Write| {
        for beside in fs::read_dir(place.folder.path())? {
            while_written.push(mode(&beside?.path())?);
        }
        write_new(file)
    };
    replace_now(&place.path, write).unwrap();
    while_written.sort_unstable();
    assert_eq!(while_written, [0o600, 0o754], "the new file, and the old");
    assert_eq!(mode(&place.path).unwrap(), 0o754);
}

#[cfg(unix)]
#[test]
fn a_file_that_was_not_there_gets_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let path = place.folder.path().join("another");
    replace_now(&path, write_new).unwrap();
    let usual = fs::metadata(&place.path).unwrap().permissions().mode();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode(), usual);
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_and_what_it_points_to_left_alone() {
    let place = Place::new();
    let link = place.folder.path().join("link");
    std::os::unix::fs::symlink(&place.path, &link).unwrap();
    replace_now(&link, write_new).unwrap();
    assert!(!link.is_symlink());
    assert_eq!(
        (fs::read(&link).unwrap().as_slice(), place.holds().as_slice()),
        (NEW, OLD)
    );
}

// What the closure does not see, or does not look at.

/// A disk with room for so many bytes, of which it takes 100 at a time.
#[derive(Default)]
struct Disk {
    room: usize,
    holds: usize,
}

impl Write for &mut Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(100).min(self.room - self.holds);
        self.holds += taken;
        if taken == 0 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no room left"));
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `fill` says, and what the disk holds then.
fn filled(
    room: usize,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> (Option<String>, usize) {
    let mut disk = Disk { room, holds: 0 };
    let end = fill(&mut disk, write);
    (end.err().map(|error| error.to_string()), disk.holds)
}

#[test]
fn what_the_closure_leaves_in_the_buffer_is_written() {
    let six_thousand = [b'n'; 6_000];
    let plain = |file: &mut dyn Write| file.write_all(&six_thousand);
    assert_eq!(filled(6_000, plain), (None, 6_000));
    let buffered = |file: &mut dyn Write| naive::buffered(file, &six_thousand);
    assert_eq!(filled(6_000, buffered), (None, 6_000));
    let place = Place::new();
    replace_now(&place.path, |file| naive::buffered(file, &six_thousand)).unwrap();
    assert_eq!(place.holds(), six_thousand);
}

/// Fails with each of these codes in turn, and takes everything after them.
struct Fails(Vec<i32>);

const FULL: i32 = 28;
const BROKEN: i32 = 5;

impl Write for Fails {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Ok(bytes.len());
        }
        Err(io::Error::from_raw_os_error(self.0.remove(0)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_that_the_closure_never_hears_of_is_told() {
    for room in [0, 4_096, 5_999] {
        let (told, held) = filled(room, |file| naive::buffered(file, &[b'n'; 6_000]));
        assert_eq!((told.as_deref(), held), (Some("no room left"), room));
    }
    // It fails while `naive::buffered` drops its buffer, and not again.
    let twice = |file: &mut dyn Write| {
        naive::buffered(&mut *file, &[b'n'; 6_000])?;
        naive::buffered(file, &[b'n'; 6_000])
    };
    let error = fill(Fails(vec![FULL]), twice).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(FULL));
}

#[test]
fn an_error_that_the_closure_ignores_is_told() {
    let in_one_write = |file: &mut dyn Write| {
        let error = file.write_all(&[b'n'; 16_000]).unwrap_err();
        assert_eq!(error.to_string(), "no room left");
        Ok(())
    };
    let at_the_flush = |file: &mut dyn Write| {
        file.write_all(&[b'n'; 6_000])?;
        file.flush().unwrap_err();
        Ok(())
    };
    for (told, held) in [filled(4_096, in_one_write), filled(4_096, at_the_flush)] {
        assert_eq!((told.as_deref(), held), (Some("no room left"), 4_096));
    }
    let with_gaps = |file: &mut dyn Write| {
        for code in [FULL, BROKEN] {
            let error = file.write_all(&[b'n'; 16_000]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(code));
        }
        file.write_all(&[b'n'; 16_000])
    };
    let error = fill(Fails(vec![FULL, BROKEN]), with_gaps).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(FULL), "the first");
}

#[test]
fn no_count_of_bytes_can_be_overlooked() {
    let write = |file: &mut dyn Write| {
        for _ in 0..3 {
            assert_eq!(file.write(&[b'n'; 16_000])?, 16_000);
        }
        Ok(())
    };
    assert_eq!(filled(48_000, write), (None, 48_000));
}

#[test]
fn a_buffer_that_is_dropped_says_ok_with_a_third_of_it_missing() {
    let mut disk = Disk { room: 4_096, holds: 0 };
    naive::buffered(&mut disk, &[b'n'; 6_000]).unwrap();
    assert_eq!(disk.holds, 4_096);
}

// A full disk, and a mount point.

/// Runs the test `name` again, in a process that may mount what it likes and nobody else sees.
#[cfg(target_os = "linux")]
fn with_mounts_of_its_own(name: &str, run: impl FnOnce()) {
    use std::process::Command;
    const INSIDE: &str = "WITH_MOUNTS_OF_ITS_OWN";
    if std::env::var_os(INSIDE).is_some() {
        return run();
    }
    let inside = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("atomic_write::tests::{name}")])
        .env(INSIDE, "yes")
        .output();
    match inside {
        Ok(ran) if ran.status.success() => {
            let said = String::from_utf8_lossy(&ran.stdout).into_owned();
            assert!(said.contains("1 passed"), "{said}");
        }
        // A test that fails ends with 101, `unshare` with another code.
        Ok(ran) if ran.status.code() == Some(101) => {
            panic!("{}", String::from_utf8_lossy(&ran.stdout))
        }
        not_allowed => eprintln!("{name} has not run: {not_allowed:?}"),
    }
}

#[cfg(target_os = "linux")]
fn mount(arguments: &[&str], at: &Path) {
    let mut mount = std::process::Command::new("mount");
    assert!(mount.args(arguments).arg(at).status().unwrap().success());
}

#[cfg(target_os = "linux")]
fn unmount(at: &Path) {
    let mut unmount = std::process::Command::new("umount");
    assert!(unmount.arg(at).status().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_the_old_file_stays_whatever_the_closure_says() {
    let name = "on_a_full_disk_the_old_file_stays_whatever_the_closure_says";
    with_mounts_of_its_own(name, || {
        let folder = tempfile::tempdir().unwrap();
        // A page for the old file, and one for the new.
        mount(&["-t", "tmpfs", "-o", "size=8192", "none"], folder.path());
        let path = folder.path().join("file");
        fs::write(&path, OLD).unwrap();
        let place = Place { folder, path };
        fails_at(Step::Write, &place.path, |file| {
            naive::buffered(file, &[b'n'; 6_000])
        });
        place.is_untouched();
        naive::with_one_temporary_name(&place.path, |file| {
            naive::buffered(file, &[b'n'; 6_000])
        })
        .unwrap();
        assert!(place.holds().len() < 6_000, "{}", place.holds().len());
        unmount(place.folder.path());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_mount_point_is_told_and_stays_what_it_is() {
    let name = "a_mount_point_is_told_and_stays_what_it_is";
    with_mounts_of_its_own(name, || {
        let place = Place::new();
        let mounted = place.folder.path().join("mounted");
        fs::write(&mounted, "mounted").unwrap();
        mount(&["--bind", mounted.to_str().unwrap()], &place.path);
        fails_at(Step::RenameOntoMount, &place.path, write_new);
        assert_eq!((place.holds().as_slice(), place.files()), (&b"mounted"[..], 2));
        unmount(&place.path);
        assert_eq!(place.holds(), OLD);
    });
}

// What most code starts with.

#[tokio::test]
async fn create_and_write_writes_when_nobody_drops_it() {
    let place = Place::new();
    naive::create_and_write(&place.path, NEW).await.unwrap();
    assert_eq!(place.holds(), NEW);
}

#[test]
fn create_and_write_dropped_at_its_first_await_has_emptied_the_file() {
    one_blocking_thread().block_on(async {
        let (place, open) = (Place::new(), gate());
        let end = after_polls(1, naive::create_and_write(&place.path, NEW)).await;
        assert!(end.is_none());
        place.is_untouched();
        open.send(()).unwrap();
        all_blocking_work_has_ended().await;
        assert_eq!(place.holds(), b"");
    });
}

#[test]
fn create_and_write_dropped_at_its_second_await_leaves_two_of_five_mib() {
    one_blocking_thread().block_on(async {
        let (place, before_create) = (Place::new(), gate());
        let contents = vec![b'n'; 5 * MIB];
        let (end, before_write) = tokio::join!(
            biased;
            after_polls(2, naive::create_and_write(&place.path, &contents)),
            async {
                let before_write = gate();
                before_create.send(()).unwrap();
                before_write
            },
        );
        assert!(end.is_none());
        before_write.send(()).unwrap();
        all_blocking_work_has_ended().await;
        assert_eq!(place.holds().len(), 2 * MIB);
    });
}

#[test]
fn a_dropped_tokio_write_still_writes_it_all() {
    one_blocking_thread().block_on(async {
        let (place, open) = (Place::new(), gate());
        let contents = vec![b'n'; 5 * MIB];
        assert!(
            after_polls(1, tokio::fs::write(&place.path, &contents)).await.is_none()
        );
        place.is_untouched();
        open.send(()).unwrap();
        all_blocking_work_has_ended().await;
        assert_eq!(place.holds().len(), 5 * MIB);
    });
}

#[test]
fn two_writers_with_one_temporary_name_write_a_mix() {
    let place = Place::new();
    naive::with_one_temporary_name(&place.path, |file| write_new(file)).unwrap();
    assert_eq!((place.holds().as_slice(), place.files()), (NEW, 1));
    let (created, first_wrote) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let both_wrote = Arc::new(Barrier::new(2));
    let ends = thread::scope(|scope| {
        let other = scope.spawn(|| {
            naive::with_one_temporary_name(&place.path, |file| {
                created.wait();
                file.write_all(b"aaaaaa")?;
                first_wrote.wait();
                both_wrote.wait();
                Ok(())
            })
        });
        let one = naive::with_one_temporary_name(&place.path, |file| {
            created.wait();
            first_wrote.wait();
            file.write_all(b"bb")?;
            both_wrote.wait();
            Ok(())
        });
        [one, other.join().unwrap()]
    });
    assert_eq!(place.holds(), b"bbaaaa");
    let lost = |end: &&io::Result<()>| {
        end.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    assert_eq!(ends.iter().filter(lost).count(), 1, "{ends:?}");
}
