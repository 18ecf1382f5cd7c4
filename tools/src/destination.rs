//! Where a build goes: beside its place first, and into it only when it is whole.
//!
//! A folder that this tool has built has a file that lists what it put there. Whatever else stands in a folder
//! is somebody's, and no build touches it.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The list of what a build put into a folder.
pub const MARK: &str = ".built-book";

/// Folders of the book that hold its sources.
const SOURCES: [&str; 7] =
    ["src", "listings", "theme", "tools", "tests", "findings", ".git"];

/// How the folder of a build that is not finished begins.
const SCRATCH: &str = ".book-building-";

/// Why a folder cannot be built into.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// It holds sources of the book.
    #[error(
        "{} holds sources of the book\n    help: name a folder of its own, as in `--dest out`", .0.display()
    )]
    Sources(PathBuf),
    /// It is a file, or a link to another place.
    #[error("{} is not a folder\n    help: remove it, or name another folder", .0.display())]
    NoFolder(PathBuf),
    /// It holds something that no build put there.
    #[error(
        "{} holds {}, which no build of the book put there\n    help: move it away, or name another folder",
        .folder.display(), .file.display()
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// One thing in it.
        file: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A folder that may be built into, and the folder beside it that is.
#[derive(Debug)]
pub struct Destination {
    dest: PathBuf,
    scratch: Scratch,
}

impl Destination {
    /// Looks whether `dest` is missing, empty, or what a build of the book left, and makes room beside it.
    ///
    /// # Errors
    /// It is something else, or no folder can be made beside it.
    pub fn open(root: &Path, dest: &Path) -> Result<Self, DestinationError> {
        let dest =
            std::path::absolute(dest).map_err(|source| io_error(dest, source))?;
        let parent =
            dest.parent().ok_or_else(|| DestinationError::Sources(dest.clone()))?;
        fs::create_dir_all(parent).map_err(|source| io_error(parent, source))?;
        let parent =
            parent.canonicalize().map_err(|source| io_error(parent, source))?;
        let name =
            dest.file_name().ok_or_else(|| DestinationError::Sources(dest.clone()))?;
        let dest = parent.join(name);
        refuse_sources(root, &dest)?;
        refuse_foreign(&dest)?;
        sweep(&parent);
        let scratch = Scratch::beside(&dest)?;
        Ok(Self { dest, scratch })
    }

    /// An empty folder to build into.
    pub fn scratch(&self) -> &Path {
        &self.scratch.folder
    }

    /// Puts what was built in its place, and returns that.
    ///
    /// # Errors
    /// A folder cannot be renamed or removed; what stood there is there again.
    pub fn publish(self) -> Result<PathBuf, DestinationError> {
        Self::mark(&self.scratch.folder)?;
        let old = self.scratch.folder.with_extension("old");
        let had_old = self.dest.is_dir();
        if had_old {
            fs::rename(&self.dest, &old)
                .map_err(|source| io_error(&self.dest, source))?;
        }
        if let Err(source) = fs::rename(&self.scratch.folder, &self.dest) {
            if had_old {
                // As it was, so that a reader has a book.
                fs::rename(&old, &self.dest)
                    .map_err(|source| io_error(&old, source))?;
            }
            return Err(io_error(&self.dest, source));
        }
        if had_old {
            fs::remove_dir_all(&old).map_err(|source| io_error(&old, source))?;
        }
        Ok(self.dest.clone())
    }

    /// Writes down what stands in `folder`, as built by this tool.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn mark(folder: &Path) -> Result<(), DestinationError> {
        let files = files(folder).map_err(|source| io_error(folder, source))?;
        let list: String =
            files.iter().flat_map(|file| [slashes(file), "\n".into()]).collect();
        let mark = folder.join(MARK);
        fs::write(&mark, list).map_err(|source| io_error(&mark, source))
    }
}

fn io_error(path: &Path, source: io::Error) -> DestinationError {
    DestinationError::Io { path: path.to_owned(), source }
}

fn refuse_sources(root: &Path, dest: &Path) -> Result<(), DestinationError> {
    let root = root.canonicalize().map_err(|source| io_error(root, source))?;
    let holds_book = root.starts_with(dest);
    let in_sources = SOURCES.iter().any(|folder| dest.starts_with(root.join(folder)));
    if holds_book || in_sources {
        return Err(DestinationError::Sources(dest.to_owned()));
    }
    Ok(())
}

/// Refuses a folder with anything in it that is not on its list.
fn refuse_foreign(dest: &Path) -> Result<(), DestinationError> {
    match fs::symlink_metadata(dest) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(io_error(dest, source)),
        Ok(found) if !found.is_dir() => {
            return Err(DestinationError::NoFolder(dest.to_owned()));
        }
        Ok(_) => {}
    }
    let list = fs::read_to_string(dest.join(MARK)).unwrap_or_default();
    let ours: BTreeSet<_> = list.lines().collect();
    let found = files(dest).map_err(|source| io_error(dest, source))?;
    let foreign = found.into_iter().find(|file| !ours.contains(&*slashes(file)));
    match foreign {
        None => Ok(()),
        Some(file) => Err(DestinationError::Foreign { folder: dest.to_owned(), file }),
    }
}

fn slashes(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

/// All files, links and empty folders below `folder`, from it, but the list itself.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inside) = folders.pop() {
        let mut empty = true;
        for entry in fs::read_dir(&inside)? {
            let entry = entry?;
            empty = false;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if let Ok(path) = entry.path().strip_prefix(folder)
                && path != Path::new(MARK)
            {
                found.push(path.to_owned());
            }
        }
        if let Ok(path) = inside.strip_prefix(folder)
            && empty
            && inside != folder
        {
            found.push(path.to_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// A folder for a build that is not finished. It is locked while its owner lives, and goes away with it; what a
/// killed owner left waits for [`sweep`].
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    lock_file: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Scratch {
    /// A folder beside `dest`.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn beside(dest: &Path) -> Result<Self, DestinationError> {
        let parent = dest.parent().unwrap_or(dest);
        for number in 0_u32.. {
            let name = format!("{SCRATCH}{}-{number}", std::process::id());
            let lock_file = parent.join(format!("{name}.lock"));
            let folder = parent.join(name);
            let opened = File::options().write(true).create_new(true).open(&lock_file);
            let lock = match opened {
                Ok(lock) => lock,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(io_error(&lock_file, source)),
            };
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue, // somebody sweeps it
                Err(TryLockError::Error(source)) => {
                    return Err(io_error(&lock_file, source));
                }
            }
            // For who has to put the old book back.
            let name = dest.file_name().unwrap_or_default().as_encoded_bytes();
            fs::write(&lock_file, name)
                .map_err(|source| io_error(&lock_file, source))?;
            fs::create_dir(&folder).map_err(|source| io_error(&folder, source))?;
            return Ok(Self { folder, lock_file, _lock: lock });
        }
        unreachable!("a process has made a folder for each number")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is swept later.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock_file);
    }
}

/// Removes what builds left in a folder that were killed: their locks are free.
pub fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let Some(folder) =
            name.strip_suffix(".lock").filter(|it| it.starts_with(SCRATCH))
        else {
            continue;
        };
        let Ok(lock) = File::options().write(true).open(entry.path()) else { continue };
        if lock.try_lock().is_ok() {
            let (scratch, old) =
                (parent.join(folder), parent.join(format!("{folder}.old")));
            // Killed between the two renames: the old book has no other copy.
            let dest = fs::read_to_string(entry.path()).unwrap_or_default();
            if old.is_dir() && !dest.is_empty() && !parent.join(&dest).exists() {
                let _ = fs::rename(&old, parent.join(&dest));
            }
            let _ = fs::remove_dir_all(scratch);
            let _ = fs::remove_dir_all(old);
            let _ = fs::remove_file(entry.path());
        }
    }
}
