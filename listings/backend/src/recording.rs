//! What a run gave, compared with the file that a page shows.
//!
//! Support: no page shows this file.
//!
//! With `RECORD=1` in the environment the file is rewritten instead; `cargo run -- record` sets it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use std::{env, fs, io, slice, thread};

use wait_timeout::ChildExt;

/// A program of the book that runs longer hangs; they need a second or two.
const LONGEST: Duration = Duration::from_mins(2);

/// Why a recording does not stand.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The run gave something else than the file says.
    #[error(
        "{path} is not what the run gave (first difference in line {line}):\n  file: {file}\n  run:  {run}\n\
         Mend the listing, or run `cargo run -- record` and look at what changed."
    )]
    Differs {
        /// The recorded file.
        path: String,
        /// First line that differs, from 1.
        line: usize,
        /// What the file has there.
        file: String,
        /// What the run gave there.
        run: String,
    },
    /// The file could not be read or written.
    #[error("{path}: {source}. `cargo run -- record` makes the file.")]
    Io {
        /// The recorded file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program that was built before its source was last written.
    #[error(
        "{path} is newer than the program built from it; run `cargo test` without --test"
    )]
    Stale {
        /// The source of the program.
        path: String,
    },
    /// A program that does not end.
    #[error("{path} did not end within {LONGEST:?}, and was killed")]
    Hangs {
        /// The source of the program.
        path: String,
    },
    /// A program failed, or said something on standard error.
    #[error("{path} failed: {said}")]
    Failed {
        /// The source of the program.
        path: String,
        /// Its standard error, or how it ended.
        said: String,
    },
}

/// Compares `run` with the file at `path`, or with `RECORD=1` writes it there (whole or not at all).
///
/// # Errors
/// The file differs, or cannot be read or written.
pub fn check(path: impl AsRef<Path>, run: &str) -> Result<(), RecordingError> {
    let recording = env::var_os("RECORD").is_some_and(|value| value == "1");
    if recording { write(path.as_ref(), run) } else { compare(path.as_ref(), run) }
}

/// Runs the program `examples/<name>.rs` of the package under test, which `cargo test` has built, and
/// compares what it prints with `examples/<name>.out`, or records it there.
///
/// # Errors
/// As for [`check`]; the program is older than its source, fails, or writes to standard error.
pub fn check_program(name: &str) -> Result<(), RecordingError> {
    let source = examples().join(name).with_extension("rs");
    check_run(name, &[], &source, slice::from_ref(&source))
}

/// Runs the use `examples/uses/<name>.rs` of the package under test, a module of the program `<package>-uses`,
/// which `cargo test` has built, and compares what it prints with `examples/uses/<name>.out`, or records it there.
///
/// # Errors
/// As for [`check_program`]; the program is older than any file that it is made of.
pub fn check_use(name: &str) -> Result<(), RecordingError> {
    let folder = examples().join("uses");
    let source = folder.join(name).with_extension("rs");
    let files = fs::read_dir(&folder).map_err(|error| io_error(&folder, error))?;
    let files = files.flatten().map(|file| file.path());
    let sources: Vec<_> =
        files.filter(|it| it.extension().is_some_and(|it| it == "rs")).collect();
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    check_run(&format!("{package}-uses"), &[name], &source, &sources)
}

/// Runs the program `examples/<name>.rs` of the package under test, which `cargo test` has built, with `arguments`,
/// however it ends.
///
/// # Errors
/// The program is older than its source, does not end, or cannot be run.
pub fn run_program(name: &str, arguments: &[&str]) -> Result<Output, RecordingError> {
    let source = examples().join(name).with_extension("rs");
    run_built(name, arguments, &source, slice::from_ref(&source))
}

/// The folder `examples` of the package under test.
fn examples() -> PathBuf {
    let folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    PathBuf::from(folder).join("examples")
}

/// Runs the example `name`, which is built from `sources`, for what stands in `source`.
fn check_run(
    name: &str,
    arguments: &[&str],
    source: &Path,
    sources: &[PathBuf],
) -> Result<(), RecordingError> {
    let output = run_built(name, arguments, source, sources)?;
    if !output.status.success() || !output.stderr.is_empty() {
        let path = source.display().to_string();
        let said =
            format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        return Err(RecordingError::Failed { path, said });
    }
    let printed = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    check(source.with_extension("out"), &printed)
}

fn run_built(
    name: &str,
    arguments: &[&str],
    source: &Path,
    sources: &[PathBuf],
) -> Result<Output, RecordingError> {
    let program = built_beside_this(name).map_err(|error| io_error(source, error))?;
    let path = source.display().to_string();
    let built = modified(&program)?;
    for source in sources {
        if built < modified(source)? {
            let path = source.display().to_string();
            return Err(RecordingError::Stale { path });
        }
    }
    run(Command::new(&program).args(arguments), LONGEST)
        .map_err(|error| io_error(&program, error))?
        .ok_or(RecordingError::Hangs { path })
}

/// Runs a program; `None` when it has not ended within `longest` and was killed.
fn run(program: &mut Command, longest: Duration) -> io::Result<Option<Output>> {
    let mut running = program
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (stdout, stderr) = (running.stdout.take(), running.stderr.take());
    thread::scope(|scope| {
        // Both pipes are emptied while it runs: a full one would stop it.
        let stdout = scope.spawn(move || read_all(stdout));
        let stderr = scope.spawn(move || read_all(stderr));
        let status = running.wait_timeout(longest)?;
        if status.is_none() {
            running.kill()?;
            running.wait()?;
        }
        let (stdout, stderr) = (joined(stdout)?, joined(stderr)?);
        Ok(status.map(|status| Output { status, stdout, stderr }))
    })
}

fn read_all(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut read)?;
    }
    Ok(read)
}

fn joined(
    reader: thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>,
) -> io::Result<Vec<u8>> {
    reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// `target/<profile>/examples/<name>`, from the test that runs in `target/<profile>/deps`.
fn built_beside_this(name: &str) -> io::Result<PathBuf> {
    let test = env::current_exe()?;
    let profile = test.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    Ok(profile.join("examples").join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

fn modified(path: &Path) -> Result<std::time::SystemTime, RecordingError> {
    fs::metadata(path)
        .and_then(|data| data.modified())
        .map_err(|error| io_error(path, error))
}

fn compare(path: &Path, run: &str) -> Result<(), RecordingError> {
    let text = fs::read_to_string(path).map_err(|source| io_error(path, source))?;
    let file = text.replace("\r\n", "\n");
    if file == run {
        return Ok(());
    }
    let (mut recorded, mut got) = (file.lines(), run.lines());
    let mut line = 1;
    loop {
        let pair = (recorded.next(), got.next());
        if pair.0 != pair.1 || pair == (None, None) {
            let say = |text: Option<&str>| text.unwrap_or("(end)").to_owned();
            let path = path.display().to_string();
            return Err(RecordingError::Differs {
                path,
                line,
                file: say(pair.0),
                run: say(pair.1),
            });
        }
        line += 1;
    }
}

/// Writes beside the file and renames, so that a stopped run leaves the old one.
fn write(path: &Path, run: &str) -> Result<(), RecordingError> {
    if fs::read_to_string(path).is_ok_and(|file| file == run) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| io_error(path, source))?;
    }
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&beside, run)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> RecordingError {
    RecordingError::Io { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests;
