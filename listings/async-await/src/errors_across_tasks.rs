//! Errors across tasks: one type for each layer, and one line in the log.

use std::error::Error;
use std::future::Future; // only edition 2021 needs this line
use std::iter;
use std::sync::Arc;

use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: database
/// What the database says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// Nobody knows whether the query ran.
    #[error("the connection is lost")]
    Lost,
    /// Somebody else writes.
    #[error("the table is locked")]
    Locked,
}

/// The queries of a profile.
pub trait Database: Send + Sync + 'static {
    /// The name of a user; `None` if there is no such user.
    fn name(
        &self,
        id: u32,
    ) -> impl Future<Output = Result<Option<String>, DbError>> + Send;
    /// How many posts a user has.
    fn posts(&self, id: u32) -> impl Future<Output = Result<u32, DbError>> + Send;
}
// ANCHOR_END: database

// ANCHOR: user_error
/// Why a user cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// There is no such user.
    #[error("there is no user {0}")]
    Unknown(u32),
    /// The database has failed.
    #[error("cannot read user {id}")]
    Read {
        /// Which user.
        id: u32,
        /// What the database says.
        source: DbError,
    },
}
// ANCHOR_END: user_error

// ANCHOR: profile_error
/// Why a profile cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no profile without its user.
    #[error("cannot show the profile")]
    User(#[from] UserError),
    /// The database has failed.
    #[error("cannot count the posts of user {id}")]
    Posts {
        /// Which user.
        id: u32,
        /// What the database says.
        source: DbError,
    },
    /// The task that counts has panicked, or was aborted.
    #[error("the task that counts the posts of user {id} has ended early")]
    Task {
        /// Which user.
        id: u32,
        /// How the task ended.
        source: JoinError,
    },
}
// ANCHOR_END: profile_error

// ANCHOR: name
/// The name of a user.
///
/// # Errors
/// There is no such user, or the database has failed.
///
/// # Cancel safety
/// Dropping this drops the query.
pub async fn user_name(database: &impl Database, id: u32) -> Result<String, UserError> {
    match database.name(id).await {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(UserError::Unknown(id)),
        Err(source) => Err(UserError::Read { id, source }),
    }
}
// ANCHOR_END: name

// ANCHOR: what_it_shows
/// What a profile shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name of the user.
    pub name: String,
    /// How many posts the user has.
    pub posts: u32,
}
// ANCHOR_END: what_it_shows

// ANCHOR: profile
/// Reads a profile. A task counts the posts meanwhile.
///
/// # Errors
/// There is no such user, the database has failed, or the task that counts has.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this drops the query for the name, and aborts the task.
pub async fn profile<D: Database>(
    database: Arc<D>,
    id: u32,
) -> Result<Profile, ProfileError> {
    let shared = Arc::clone(&database);
    let posts = tokio::spawn(async move { shared.posts(id).await });
    let posts = AbortOnDropHandle::new(posts);

    let name = user_name(&*database, id).await?; // `UserError` becomes `ProfileError`
    match posts.await {
        Ok(Ok(posts)) => Ok(Profile { name, posts }),
        Ok(Err(source)) => Err(ProfileError::Posts { id, source }),
        Err(source) => Err(ProfileError::Task { id, source }),
    }
}
// ANCHOR_END: profile

// ANCHOR: chain
/// An error and all its causes, in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    // The error, its source, the source of that, and so on.
    let all = iter::successors(Some(error), |&error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
// ANCHOR_END: chain

// ANCHOR: the_answer
/// What the client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The profile.
    Found(Profile),
    /// There is no such user.
    NotFound,
    /// The server ends, so ask another one.
    Unavailable,
    /// A failure; the log says which.
    Failed,
}
// ANCHOR_END: the_answer

// ANCHOR: answer

/// Answers a request. `log` gets one line for each failure.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this drops the query, aborts the task, and logs nothing.
pub async fn answer<D: Database>(
    database: Arc<D>,
    id: u32,
    log: impl FnOnce(String),
) -> Answer {
    // ANCHOR: by_kind
    match profile(database, id).await {
        Ok(profile) => Answer::Found(profile),
        // The client has asked for something that is not there: no failure of ours.
        Err(ProfileError::User(UserError::Unknown(_))) => Answer::NotFound,
        // Only the end of its runtime can abort this task: no failure either.
        Err(ProfileError::Task { source, .. }) if source.is_cancelled() => {
            Answer::Unavailable
        }
        Err(error) => {
            log(chain(&error));
            Answer::Failed
        }
    }
    // ANCHOR_END: by_kind
}
// ANCHOR_END: answer

// ANCHOR: spawn_logged
/// Starts a task that nobody will await. `log` gets one line if it fails or panics.
/// Aborting the returned handle aborts the work.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn spawn_logged<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
    log: impl FnOnce(String) + Send + 'static,
) -> JoinHandle<()>
where
    T: Send + 'static,
    E: Error + Send + 'static,
{
    let work = AbortOnDropHandle::new(tokio::spawn(work));
    tokio::spawn(async move {
        match work.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => log(chain(&error)),
            Err(panic) if panic.is_panic() => log(chain(&panic)),
            Err(_aborted) => {} // its runtime ends
        }
    })
}
// ANCHOR_END: spawn_logged

/// The name of a user, for a profile.
///
/// # Errors
/// There is no such user, or the database has failed.
pub async fn name_for_profile(
    database: &impl Database,
    id: u32,
) -> Result<String, ProfileError> {
    // ANCHOR: only_returned
    let name = user_name(database, id).await;
    Ok(name?)
    // ANCHOR_END: only_returned
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: each layer logs the same failure, and then returns it.
    ///
    /// # Errors
    /// As [`profile`](super::profile).
    pub async fn profile(
        database: &impl Database,
        id: u32,
        log: &mut impl FnMut(String),
    ) -> Result<String, ProfileError> {
        // ANCHOR: logged_twice
        let name = user_name(database, id).await;
        if let Err(error) = &name {
            log(format!("cannot read user {id}: {error}"));
        }
        Ok(name?)
        // ANCHOR_END: logged_twice
    }

    /// Wrong: logs the outermost error, and no cause.
    pub async fn answer<D: Database>(
        database: Arc<D>,
        id: u32,
        log: impl FnOnce(String),
    ) -> Option<Profile> {
        // ANCHOR: without_causes
        match super::profile(database, id).await {
            Ok(profile) => Some(profile),
            Err(error) => {
                log(error.to_string());
                None
            }
        }
        // ANCHOR_END: without_causes
    }
}

#[cfg(test)]
mod tests;
