//! Write a file or leave it alone.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, PersistError};
use tokio::task::spawn_blocking;

// ANCHOR: errors
/// Why a file was not replaced.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {step}", path.display())]
pub struct ReplaceError {
    /// What failed.
    pub step: Step,
    /// The file that was to be replaced.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl ReplaceError {
    fn at(step: Step, path: &Path, source: io::Error) -> Self {
        Self { step, path: path.to_owned(), source }
    }
}

// ANCHOR_END: errors

// ANCHOR: step
/// What is done to replace a file, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The runtime shut down before the first step.
    Begin,
    /// Look at the old file and its folder.
    Look,
    /// Make a temporary file in the same folder.
    Create,
    /// Fill it.
    Write,
    /// Give it the permissions of the old file.
    Permit,
    /// Bring it to the disk.
    Sync,
    /// Put it in the place of the old file.
    Rename,
    /// The same, if the system calls the old file busy (`EBUSY`): it is a mount point,
    /// such as a single file that is mounted into a container. No rename ever replaces
    /// one: mount its folder instead.
    RenameOntoMount,
    /// Bring the rename to the disk. The new contents are in place, but a power cut may
    /// undo that.
    SyncFolder,
}
// ANCHOR_END: step

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "begin",
            Self::Look => "look at the old file and its folder",
            Self::Create => "make a temporary file",
            Self::Write => "write the temporary file",
            Self::Permit => "set the permissions of the temporary file",
            Self::Sync => "sync the temporary file",
            Self::Rename => "rename the temporary file",
            Self::RenameOntoMount => "rename the temporary file onto a mount point",
            Self::SyncFolder => "sync the folder",
        })
    }
}

// ANCHOR: replace
/// Replaces the file at `path` by what `write` writes, or leaves it alone.
///
/// `write` gets a buffered writer. What it leaves in the buffer is written before the
/// rename.
///
/// # Errors
/// The step that failed. If the closure says `Ok` although one of its writes failed,
/// that is [`Step::Write`]. After an error, the old file is in place. There is one
/// exception: after [`Step::SyncFolder`], it is the new one.
///
/// # Panics
/// When `write` does; the old file is left alone.
///
/// # Cancel safety
/// If you drop it before the first poll, nothing happens. If you drop it later, the
/// write goes on, and nobody hears of an error: the file is the old one, and then the
/// new one.
pub async fn replace<W>(path: impl Into<PathBuf>, write: W) -> Result<(), ReplaceError>
where
    W: FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
{
    let path = path.into();
    let target = path.clone();
    // The only await: no caller can stop it between two steps.
    let end = spawn_blocking(move || replace_now(&target, write)).await;
    end.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(no) => Err(ReplaceError::at(Step::Begin, &path, io::Error::other(no))),
    })
}
// ANCHOR_END: replace

// ANCHOR: replace_now
/// [`replace`] for code that may block.
///
/// # Errors
/// As [`replace`].
///
/// # Panics
/// When `write` does; the old file is left alone.
pub fn replace_now<W>(path: &Path, write: W) -> Result<(), ReplaceError>
where
    W: FnOnce(&mut dyn Write) -> io::Result<()>,
{
    let folder =
        Folder::of(path).map_err(|error| ReplaceError::at(Step::Look, path, error))?;
    replace_in(&folder, path, write)
}
// ANCHOR_END: replace_now

// ANCHOR: steps
fn replace_in<W>(folder: &Folder, path: &Path, write: W) -> Result<(), ReplaceError>
where
    W: FnOnce(&mut dyn Write) -> io::Result<()>,
{
    let failed = |step| move |source| ReplaceError::at(step, path, source);
    let old = permissions_of(path).map_err(failed(Step::Look))?;
    // In the same folder, so that the rename stays in one file system.
    // From here, each error and each panic drops `new`, and its drop removes the file.
    // ANCHOR: own_temporary_name
    let mut new = folder.temporary(old.is_some()).map_err(failed(Step::Create))?;
    // ANCHOR_END: own_temporary_name
    fill(new.as_file_mut(), write).map_err(failed(Step::Write))?;
    put_in_place(new, old, folder, path)
}

fn put_in_place(
    new: NamedTempFile,
    old: Option<Permissions>,
    folder: &Folder,
    path: &Path,
) -> Result<(), ReplaceError> {
    let failed = |step| move |source| ReplaceError::at(step, path, source);
    if let Some(old) = old {
        new.as_file().set_permissions(old).map_err(failed(Step::Permit))?;
    }
    new.as_file().sync_all().map_err(failed(Step::Sync))?;
    new.persist(path).map_err(|PersistError { error, .. }| {
        let step = match error.kind() {
            io::ErrorKind::ResourceBusy => Step::RenameOntoMount,
            _ => Step::Rename,
        };
        failed(step)(error)
    })?;
    folder.sync().map_err(failed(Step::SyncFolder))
}
// ANCHOR_END: steps

// ANCHOR: fill
/// Lets `write` fill `file`, and fails if one of its writes has failed.
fn fill<W>(file: impl Write, write: W) -> io::Result<()>
where
    W: FnOnce(&mut dyn Write) -> io::Result<()>,
{
    // ANCHOR: flushed
    let mut contents = Contents { file: BufWriter::new(file), failed: None };
    write(&mut contents)?;
    // What `write` left in the buffer. If this fails, `failed` has the error.
    contents.flush().ok();
    contents.failed.map_or(Ok(()), Err)
    // ANCHOR_END: flushed
}

/// What `write` sees of the new file: it can neither seek in it nor keep it.
struct Contents<F: Write> {
    file: BufWriter<F>,
    /// The first error, in case `write` ignores it, or never hears of it.
    failed: Option<io::Error>,
}

impl<F: Write> Contents<F> {
    fn remember(&mut self, error: io::Error) -> io::Error {
        let same = error.raw_os_error().map(io::Error::from_raw_os_error);
        let same =
            same.unwrap_or_else(|| io::Error::new(error.kind(), error.to_string()));
        self.failed.get_or_insert(error);
        same
    }
}

impl<F: Write> Write for Contents<F> {
    /// Takes all of `bytes`, so that there is no count to overlook.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes).map_err(|error| self.remember(error))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| self.remember(error))
    }
}
// ANCHOR_END: fill

// ANCHOR: permissions
fn permissions_of(path: &Path) -> io::Result<Option<Permissions>> {
    match fs::metadata(path) {
        Ok(old) => Ok(Some(old.permissions())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
// ANCHOR_END: permissions

// ANCHOR: folder
/// The folder of the target.
struct Folder {
    path: PathBuf,
    /// Open from the start: what cannot be opened has to fail before the rename.
    #[cfg(unix)]
    handle: File,
}

impl Folder {
    fn of(path: &Path) -> io::Result<Self> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let path = parent.unwrap_or(Path::new(".")).to_owned();
        Ok(Self {
            #[cfg(unix)]
            handle: File::open(&path)?,
            path,
        })
    }

    /// For its owner alone if `private`; else with the permissions of any new file.
    fn temporary(&self, private: bool) -> io::Result<NamedTempFile> {
        let new = &mut tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = if private { 0o600 } else { 0o666 }; // less the umask
            new.permissions(Permissions::from_mode(mode));
        }
        #[cfg(not(unix))]
        let _ = private;
        new.tempfile_in(&self.path)
    }
}
// ANCHOR_END: folder

impl Folder {
    #[cfg(unix)]
    fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    /// There is no way to ask for it.
    #[cfg(not(unix))]
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;
    use tokio::io::AsyncWriteExt;

    /// Wrong: `create` empties the old file, and any await after that may be the last.
    pub async fn create_and_write(path: &Path, contents: &[u8]) -> io::Result<()> {
        // ANCHOR: create_and_write
        let mut file = tokio::fs::File::create(path).await?;
        file.write_all(contents).await?;
        file.sync_all().await
        // ANCHOR_END: create_and_write
    }

    /// Wrong: two writers of one file share one temporary file, and mix in it.
    pub fn with_one_temporary_name<W>(path: &Path, write: W) -> io::Result<()>
    where
        W: FnOnce(&mut File) -> io::Result<()>,
    {
        // ANCHOR: one_temporary_name
        let temporary = path.with_extension("tmp");
        let mut file = File::create(&temporary)?;
        // ANCHOR_END: one_temporary_name
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(temporary, path)
    }

    /// Wrong: the drop of `pages` writes what it has left, and tells nobody of an error.
    pub fn buffered(file: impl Write, contents: &[u8]) -> io::Result<()> {
        // ANCHOR: not_flushed
        let mut pages = BufWriter::new(file);
        pages.write_all(contents)
        // ANCHOR_END: not_flushed
    }
}

#[cfg(test)]
mod tests;
