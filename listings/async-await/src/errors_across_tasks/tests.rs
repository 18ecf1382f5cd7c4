use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use backend::Alive;
use backend::cancel::at_every_await;
use futures::FutureExt;
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// How a query ends.
#[derive(Clone, Copy)]
enum End {
    Well,
    Badly,
    Panics,
    Never,
}

struct Scripted {
    name: End,
    posts: End,
    running: Alive,
}

impl Scripted {
    fn new(name: End, posts: End) -> Arc<Self> {
        Arc::new(Self { name, posts, running: Alive::default() })
    }
}

impl Database for Scripted {
    async fn name(&self, id: u32) -> Result<Option<String>, DbError> {
        let _running = self.running.guard();
        sleep(ms(20)).await;
        match self.name {
            End::Well => Ok((id != 0).then(|| format!("user {id}"))),
            End::Badly => Err(DbError::Lost),
            End::Panics => panic!("a bug in the query for the name"),
            End::Never => pending().await,
        }
    }

    async fn posts(&self, id: u32) -> Result<u32, DbError> {
        let _running = self.running.guard();
        sleep(ms(30)).await;
        match self.posts {
            End::Well => Ok(id * 10),
            End::Badly => Err(DbError::Locked),
            End::Panics => panic!("a bug in the query for the posts"),
            End::Never => pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_queries_run_at_once() {
    let start = Instant::now();
    let found = profile(Scripted::new(End::Well, End::Well), 7).await.unwrap();
    assert_eq!(found, Profile { name: "user 7".into(), posts: 70 });
    assert_eq!(start.elapsed(), ms(30));
}

#[tokio::test(start_paused = true)]
async fn user_0_is_a_variant_of_its_own() {
    let database = Scripted::new(End::Well, End::Well);
    assert_eq!(user_name(&*database, 0).await, Err(UserError::Unknown(0)));
    let error = profile(database, 0).await.unwrap_err();
    assert!(matches!(error, ProfileError::User(UserError::Unknown(0))));
}

#[tokio::test(start_paused = true)]
async fn a_question_mark_converts_the_error_of_one_layer_into_that_of_the_next() {
    let database = Scripted::new(End::Badly, End::Well);
    let error = profile(database, 7).await.unwrap_err();
    let ProfileError::User(UserError::Read { id: 7, source: DbError::Lost }) = error
    else {
        panic!("{error:?}")
    };
}

#[tokio::test(start_paused = true)]
async fn the_chain_says_what_failed_for_whom_and_why() {
    for (name, posts, line) in [
        (
            End::Badly,
            End::Well,
            "cannot show the profile: cannot read user 7: the connection is lost",
        ),
        (
            End::Well,
            End::Badly,
            "cannot count the posts of user 7: the table is locked",
        ),
    ] {
        let error = profile(Scripted::new(name, posts), 7).await.unwrap_err();
        assert_eq!(chain(&error), line);
    }
    let error = profile(Scripted::new(End::Well, End::Well), 0).await.unwrap_err();
    assert_eq!(chain(&error), "cannot show the profile: there is no user 0");
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_task_is_an_error_and_the_chain_has_its_message() {
    let error = profile(Scripted::new(End::Well, End::Panics), 7).await.unwrap_err();
    assert!(
        matches!(&error, ProfileError::Task { id: 7, source } if source.is_panic())
    );
    let line = chain(&error);
    assert!(
        line.starts_with(
            "the task that counts the posts of user 7 has ended early: task "
        ),
        "{line}"
    );
    assert!(
        line.ends_with(" panicked with message \"a bug in the query for the posts\""),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_error_ends_the_other_query() {
    let database = Scripted::new(End::Badly, End::Never);
    profile(Arc::clone(&database), 7).await.unwrap_err();
    yield_now().await;
    assert_eq!((database.running.count(), database.running.dropped()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_no_query_behind() {
    let databases = Mutex::new(Vec::new());
    let make = || {
        let database = Scripted::new(End::Well, End::Well);
        databases.lock().unwrap().push(Arc::clone(&database));
        profile(database, 7)
    };
    assert_eq!(at_every_await(make, |_, _| ()).await, 3);
    yield_now().await;
    for database in databases.into_inner().unwrap() {
        assert_eq!(database.running.count(), 0);
    }
}

/// The answer for user `id`, and the lines of the log.
async fn answered(database: Arc<Scripted>, id: u32) -> (Answer, Vec<String>) {
    let mut log = Vec::new();
    let answer = answer(database, id, |line| log.push(line)).await;
    (answer, log)
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_one_line_in_the_log() {
    let (answer, log) = answered(Scripted::new(End::Badly, End::Well), 7).await;
    assert_eq!(answer, Answer::Failed);
    assert_eq!(
        log,
        ["cannot show the profile: cannot read user 7: the connection is lost"]
    );
    let (answer, log) = answered(Scripted::new(End::Well, End::Panics), 7).await;
    assert_eq!((answer, log.len()), (Answer::Failed, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_failure_of_ours_is_no_line_in_the_log() {
    let found = Answer::Found(Profile { name: "user 7".into(), posts: 70 });
    let good = || Scripted::new(End::Well, End::Well);
    assert_eq!(answered(good(), 7).await, (found, vec![]));
    assert_eq!(answered(good(), 0).await, (Answer::NotFound, vec![]));
}

/// It knows the name at once, and counts for ever.
struct Counts;

impl Database for Counts {
    async fn name(&self, _: u32) -> Result<Option<String>, DbError> {
        Ok(Some("user 7".into()))
    }

    async fn posts(&self, _: u32) -> Result<u32, DbError> {
        pending().await
    }
}

#[test]
fn a_task_that_ended_with_its_runtime_is_no_failure() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut log = Vec::new();
    let mut answering = Box::pin(answer(Arc::new(Counts), 7, |line| log.push(line)));
    {
        let _inside = runtime.enter();
        assert_eq!(answering.as_mut().now_or_never(), None);
    }
    drop(runtime);
    assert_eq!(futures::executor::block_on(answering), Answer::Unavailable);
    assert_eq!(log, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn naive_a_failure_is_a_line_from_each_layer() {
    let database = Scripted::new(End::Badly, End::Well);
    let mut log = Vec::new();
    let end = naive::profile(&*database, 7, &mut |line| log.push(line)).await;
    log.push(chain(&end.unwrap_err()));
    assert_eq!(
        log,
        [
            "cannot read user 7: cannot read user 7",
            "cannot show the profile: cannot read user 7: the connection is lost",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn naive_without_its_causes_the_line_says_neither_who_nor_why() {
    let database = Scripted::new(End::Badly, End::Well);
    let mut log = Vec::new();
    assert_eq!(naive::answer(database, 7, |line| log.push(line)).await, None);
    assert_eq!(log, ["cannot show the profile"]);
}

/// What `spawn_logged` logs, and whether it ended by itself.
async fn logged(
    work: impl Future<Output = Result<(), DbError>> + Send + 'static,
) -> Vec<String> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    drop(spawn_logged(work, move |line| lines.lock().unwrap().push(line)));
    sleep(ms(100)).await;
    Arc::into_inner(log).expect("the task has ended").into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_task_that_nobody_awaits_logs_its_error_and_its_panic() {
    assert_eq!(logged(async { Ok(()) }).await, Vec::<String>::new());
    let failed = async {
        sleep(ms(10)).await;
        Err(DbError::Lost)
    };
    assert_eq!(logged(failed).await, ["the connection is lost"]);
    let log = logged(async { panic!("a bug") }).await;
    assert_eq!(log.len(), 1);
    assert!(log[0].ends_with(" panicked with message \"a bug\""), "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn aborting_it_aborts_the_work_and_logs_nothing() {
    let (running, log) = (Alive::default(), Arc::new(Mutex::new(Vec::new())));
    let (guard, lines) = (running.guard(), Arc::clone(&log));
    let work = async move {
        let _guard = guard;
        pending::<Result<(), DbError>>().await
    };
    let task = spawn_logged(work, move |line| lines.lock().unwrap().push(line));
    yield_now().await;
    assert_eq!(running.count(), 1);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    yield_now().await;
    assert_eq!((running.count(), log.lock().unwrap().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "a bug in the query for the name")]
async fn a_panic_outside_of_the_task_goes_on_in_the_caller() {
    let _ = profile(Scripted::new(End::Panics, End::Well), 7).await;
}

#[test]
fn every_error_can_be_sent_to_another_task() {
    fn sent<T: Error + Send + Sync + 'static>() {}
    fn spawns<F: Future + Send>(_: impl FnOnce() -> F) {}
    sent::<DbError>();
    sent::<UserError>();
    sent::<ProfileError>();
    spawns(|| profile(Scripted::new(End::Well, End::Well), 7));
    spawns(|| answer(Scripted::new(End::Well, End::Well), 7, |_| ()));
}
