use super::*;
use backend::cancel::{after_polls, at_every_await};
use backend::{Alive, HttpReply, HttpSite, Site, SiteError};
use futures::poll;
use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, Response};
use std::convert::Infallible;
use std::error::Error;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::mpsc;
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{mpsc as queue, oneshot};
use tokio::task::{AbortHandle, yield_now};
use tokio::time::sleep;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What a caller of two services has for an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum PageError {
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    #[error(transparent)]
    Site(#[from] SiteError),
}

/// One page, 100 ms.
fn slow_site() -> Site {
    Site::default().with_page("/slow", ms(100))
}

// The clock, the error, the drop.

#[tokio::test(start_paused = true)]
async fn too_slow_it_ends_at_the_limit_and_says_what_and_how_long() {
    let start = Instant::now();
    let error =
        within("fetch /slow", ms(40), slow_site().fetch("/slow")).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(40));
    assert_eq!(error, TimedOut { what: "fetch /slow", limit: ms(40), waited: ms(40) });
    assert_eq!(
        error.to_string(),
        "fetch /slow: no end within 40ms, given up after 40ms"
    );
    let error = within("another", ms(7), slow_site().fetch("/slow")).await;
    let want = TimedOut { what: "another", limit: ms(7), waited: ms(7) };
    assert_eq!(error.unwrap_err(), want);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_is_handed_over_when_it_comes() {
    let start = Instant::now();
    let page =
        within("fetch", ms(101), slow_site().fetch("/slow")).await.unwrap().unwrap();
    assert_eq!((page.body.as_str(), start.elapsed()), ("/slow", ms(100)));
}

#[tokio::test(start_paused = true)]
async fn when_the_error_comes_the_future_is_gone() {
    let site = slow_site();
    within("fetch", ms(40), site.fetch("/slow")).await.unwrap_err();
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_drops_the_future() {
    let alive = Alive::default();
    let limited = || {
        let guard = alive.guard();
        within("two waits", ms(50), async move {
            sleep(ms(10)).await;
            sleep(ms(10)).await;
            drop(guard);
        })
    };
    let mut left = Vec::new();
    let points = at_every_await(limited, |_, _| left.push(alive.count())).await;
    assert_eq!((points, left), (3, vec![0; 4]));
}

#[tokio::test(start_paused = true)]
async fn the_clock_starts_at_the_first_poll() {
    let site = slow_site();
    let limited = within("fetch", ms(101), site.fetch("/slow"));
    let of_tokio = timeout(ms(101), site.fetch("/slow"));
    sleep(ms(60)).await;
    assert_eq!(site.calls("/slow"), 0);
    let start = Instant::now();
    let (ours, theirs) = tokio::join!(limited, of_tokio);
    assert!(ours.is_ok());
    assert!(theirs.is_err(), "tokio's timeout has run since it was made");
    assert_eq!(start.elapsed(), ms(100));
    let late = within("fetch", ms(40), site.fetch("/slow"));
    sleep(ms(60)).await;
    assert_eq!(late.await.unwrap_err().waited, ms(40));
}

#[tokio::test]
async fn work_that_is_always_busy_is_ended_at_the_limit() {
    let (sender, mut messages) = queue::unbounded_channel();
    // Each message is there already: it never has to wait.
    let busy = async {
        for n in 0..300_000 {
            sender.send(n).unwrap();
            messages.recv().await.unwrap();
        }
    };
    assert_eq!(within("busy", ms(1), busy).await.unwrap_err().what, "busy");
}

#[tokio::test(start_paused = true)]
async fn a_limited_future_can_be_spawned() {
    let (site, shared) = (slow_site(), Mutex::new(1));
    let tried = try_within::<_, _, PageError>("fetch", ms(40), {
        let fetch = site.fetch("/slow");
        async move { Ok(fetch.await?) }
    });
    let task = task_within("fetch", ms(40), tokio::spawn(site.fetch("/slow")));
    let busy = within("count", ms(40), blocking_while_wanted(|_| 7));
    let change = async move {
        replace_after(&shared, |n| ready(Ok::<_, TimedOut>(n + 1))).await.unwrap();
        shared.into_inner()
    };
    assert!(tokio::spawn(tried).await.unwrap().is_err());
    assert!(tokio::spawn(task).await.unwrap().is_err());
    assert_eq!(tokio::spawn(busy).await.unwrap().unwrap().unwrap(), 7);
    assert_eq!(tokio::spawn(change).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_error_type_carries_the_late_and_the_failed() {
    let site = slow_site();
    let fetch = |path: &str| {
        let answer = site.fetch(path);
        async move { Ok::<_, PageError>(answer.await?) }
    };
    let late = try_within("fetch", ms(40), fetch("/slow")).await.unwrap_err();
    let timed_out = TimedOut { what: "fetch", limit: ms(40), waited: ms(40) };
    assert_eq!(late, PageError::TimedOut(timed_out));
    let late = try_within("again", ms(7), fetch("/slow")).await.unwrap_err();
    let timed_out = TimedOut { what: "again", limit: ms(7), waited: ms(7) };
    assert_eq!(late, PageError::TimedOut(timed_out));
    let failed = try_within("fetch", ms(40), fetch("/none")).await.unwrap_err();
    assert_eq!(failed, PageError::Site(SiteError::NotFound { path: "/none".into() }));
    assert_eq!(
        try_within("fetch", ms(101), fetch("/slow")).await.unwrap().body,
        "/slow"
    );
}

// Future first, clock second.

#[tokio::test(start_paused = true)]
async fn what_is_ready_beats_a_limit_of_zero() {
    assert_eq!(within("ready", Duration::ZERO, ready(7)).await, Ok(7));
    assert!(within("not ready", Duration::ZERO, pending::<()>()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_beats_a_limit_that_has_passed() {
    let (send, receive) = oneshot::channel();
    let mut limited = pin!(within("message", ms(10), receive));
    assert!(poll!(&mut limited).is_pending());
    send.send(7).unwrap();
    sleep(ms(20)).await;
    assert_eq!(limited.await, Ok(Ok(7)));
}

#[tokio::test(start_paused = true)]
async fn of_two_equal_limits_the_inner_reports() {
    let step = try_within("step", ms(50), async {
        pending::<()>().await;
        Ok::<_, PageError>(())
    });
    let error = try_within("whole", ms(50), step).await.unwrap_err();
    assert!(matches!(error, PageError::TimedOut(TimedOut { what: "step", .. })));
}

#[tokio::test(start_paused = true)]
async fn the_longest_limit_there_is_never_ends_a_wait() {
    let patient = within("ever", Duration::MAX, pending::<()>());
    let hour = within("hour", Duration::from_hours(1), patient).await.unwrap_err();
    assert_eq!(hour.what, "hour");
    assert_eq!(within("ready", Duration::MAX, ready(7)).await, Ok(7));
}

#[tokio::test]
async fn a_wait_far_over_the_limit_tells_of_a_blocked_thread() {
    let blocks = async {
        thread::sleep(ms(60));
        pending::<()>().await;
    };
    let error = within("parse", ms(5), blocks).await.unwrap_err();
    assert!(error.waited >= ms(60), "{error}");
}

// What a limit does not stop, and what does.

#[tokio::test]
async fn code_that_does_not_yield_overruns_and_ends_as_ok() {
    let start = Instant::now();
    let work = || {
        thread::sleep(ms(60));
        7
    };
    assert_eq!(naive::of_busy_code(ms(5), work).await, Ok(7));
    assert!(start.elapsed() >= ms(60));
}

#[tokio::test(start_paused = true)]
async fn a_task_behind_a_handle_runs_on() {
    let (site, start) = (slow_site(), Instant::now());
    let error = naive::of_a_task(ms(40), site.fetch("/slow")).await.unwrap_err();
    assert!(matches!(error, TaskError::TimedOut(_)));
    assert_eq!((start.elapsed(), site.load().in_flight), (ms(40), 1));
    sleep(ms(61)).await;
    assert_eq!((site.load().answered, site.load().dropped), (1, 0));
    let in_time = naive::of_a_task(ms(101), site.fetch("/slow")).await;
    assert_eq!(in_time.unwrap().unwrap().body, "/slow");
}

#[tokio::test(start_paused = true)]
async fn abort_on_drop_asks_the_task_to_end_and_does_not_wait() {
    let site = slow_site();
    let task = AbortOnDropHandle::new(tokio::spawn(site.fetch("/slow")));
    timeout(ms(40), task).await.unwrap_err();
    assert_eq!(site.load().in_flight, 1, "the caller goes on before the task is gone");
    yield_now().await;
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 1));
}

/// Whether a task still ends with its value that is aborted while it runs, with
/// `rest` before its end.
async fn ends_although_aborted<F>(rest: F) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let (give, handle) = oneshot::channel::<AbortHandle>();
    let task = tokio::spawn(async move {
        handle.await.unwrap().abort();
        rest.await;
    });
    give.send(task.abort_handle()).unwrap();
    match task.await {
        Ok(()) => true,
        Err(error) => !error.is_cancelled(),
    }
}

#[tokio::test]
async fn an_abort_takes_effect_only_at_an_await_that_has_to_wait() {
    let ready_awaits = async {
        for _ in 0..1_000_000 {
            ready(()).await;
        }
    };
    assert!(ends_although_aborted(ready_awaits).await);
    assert!(!ends_although_aborted(yield_now()).await);
    // A channel of Tokio has to wait when the budget of the task is spent.
    let (sender, mut messages) = queue::unbounded_channel();
    (0..1000).for_each(|n| sender.send(n).unwrap());
    let busy = async move { while messages.recv().await != Some(999) {} };
    assert!(!ends_although_aborted(busy).await);
}

#[tokio::test(start_paused = true)]
async fn a_task_past_its_limit_is_gone_when_the_error_comes() {
    let (site, start) = (slow_site(), Instant::now());
    let task = tokio::spawn(site.fetch("/slow"));
    let error = task_within("fetch", ms(40), task).await.unwrap_err();
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 1));
    assert_eq!(start.elapsed(), ms(40));
    let timed_out = TimedOut { what: "fetch", limit: ms(40), waited: ms(40) };
    assert!(matches!(error, TaskError::TimedOut(late) if late == timed_out));
    let task = tokio::spawn(site.fetch("/slow"));
    let error = task_within("again", ms(7), task).await.unwrap_err();
    let timed_out = TimedOut { what: "again", limit: ms(7), waited: ms(7) };
    assert!(matches!(error, TaskError::TimedOut(late) if late == timed_out));
}

#[tokio::test(start_paused = true)]
async fn a_task_in_time_hands_over_its_value() {
    let start = Instant::now();
    let task = tokio::spawn(slow_site().fetch("/slow"));
    let page = task_within("fetch", ms(101), task).await.unwrap().unwrap();
    assert_eq!((page.body.as_str(), start.elapsed()), ("/slow", ms(100)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_or_a_foreign_abort_is_not_a_timeout() {
    let task = tokio::spawn(async { panic!("on purpose") });
    let panicked = task_within::<()>("panic", ms(40), task).await.unwrap_err();
    assert!(
        matches!(&panicked, TaskError::Died { what: "panic", source } if source.is_panic())
    );
    assert_eq!(panicked.to_string(), "panic: the task ended without a value");
    let task = tokio::spawn(pending::<()>());
    task.abort();
    let aborted = task_within("abort", ms(40), task).await.unwrap_err();
    assert!(matches!(aborted, TaskError::Died { source, .. } if source.is_cancelled()));
}

#[tokio::test(start_paused = true)]
async fn no_message_repeats_its_cause() {
    let late = task_within("ever", ms(40), tokio::spawn(pending::<()>())).await;
    let bug = tokio::spawn(async { panic!("on purpose") });
    let died = task_within::<()>("parse", ms(40), bug).await;
    for error in [late.unwrap_err(), died.unwrap_err()] {
        let cause = match &error {
            // Its message is the one of `TimedOut`, which has no cause.
            TaskError::TimedOut(_) => None,
            TaskError::Died { source, .. } => Some(source.to_string()),
        };
        assert_eq!(error.source().map(ToString::to_string), cause);
        let repeats = cause.is_some_and(|cause| error.to_string().contains(&cause));
        assert!(!repeats, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_it_is_aborted_is_not_a_timeout() {
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("on purpose")
        }
    }
    let task = tokio::spawn(async {
        let _held = PanicsWhenDropped;
        pending::<()>().await;
    });
    let error = task_within("panic", ms(40), task).await.unwrap_err();
    assert!(matches!(error, TaskError::Died { source, .. } if source.is_panic()));
}

#[tokio::test]
async fn a_task_that_cannot_be_aborted_is_waited_for() {
    let (announce, begun) = oneshot::channel();
    let task = spawn_blocking(|| {
        announce.send(Instant::now()).unwrap();
        thread::sleep(ms(60));
    });
    let start = begun.await.unwrap();
    task_within("thread", ms(5), task).await.unwrap();
    assert!(start.elapsed() >= ms(60));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_or_before_it_aborts_its_task() {
    let alive = Alive::default();
    let wait = || {
        let guard = alive.guard();
        let task = tokio::spawn(async move {
            pending::<()>().await;
            drop(guard);
        });
        task_within("for ever", ms(40), task)
    };
    let points = at_every_await(wait, |_, _| ()).await;
    yield_now().await;
    assert_eq!((points, alive.count(), alive.dropped()), (3, 0, 4));
}

#[tokio::test]
async fn a_blocking_thread_works_on_after_the_limit() {
    let (open, gate) = mpsc::channel::<()>();
    let (done, ended) = oneshot::channel();
    let work = move || {
        gate.recv().unwrap();
        done.send(()).unwrap();
    };
    within("thread", ms(5), spawn_blocking(work)).await.unwrap_err();
    open.send(()).unwrap();
    ended.await.unwrap();
}

#[tokio::test]
async fn blocking_work_that_asks_stops_when_nobody_waits() {
    let (begin, has_begun) = oneshot::channel();
    let (done, ended) = oneshot::channel();
    let work = move |unwanted: &CancellationToken| {
        begin.send(()).unwrap();
        let start = Instant::now();
        while !unwanted.is_cancelled() && start.elapsed() < Duration::from_secs(10) {
            thread::yield_now();
        }
        done.send(unwanted.is_cancelled()).unwrap();
    };
    let mut wanted = Box::pin(blocking_while_wanted(work));
    assert!(poll!(&mut wanted).is_pending());
    has_begun.await.unwrap();
    within("count", ms(5), wanted).await.unwrap_err();
    assert!(ended.await.unwrap());
}

#[test]
fn blocking_work_that_waits_for_a_thread_never_begins_when_nobody_waits() {
    let one_thread =
        Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    one_thread.block_on(async {
        let (open, gate) = mpsc::channel::<()>();
        let busy = spawn_blocking(move || gate.recv().unwrap());
        let (starts, begun) = oneshot::channel();
        let work = |_: &CancellationToken| starts.send(()).unwrap();
        assert!(after_polls(1, blocking_while_wanted(work)).await.is_none());
        open.send(()).unwrap();
        busy.await.unwrap();
        assert!(begun.await.is_err());
    });
}

#[test]
fn blocking_work_that_comes_after_a_shutdown_is_an_error() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _entered = handle.enter();
    let never = futures::executor::block_on(blocking_while_wanted(|_| "never"));
    assert!(never.unwrap_err().is_cancelled());
}

#[test]
fn blocking_work_does_not_begin_before_the_first_poll() {
    let one_thread =
        Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    one_thread.block_on(async {
        let begun = Alive::default();
        let guard = begun.guard();
        let wanted = blocking_while_wanted(move |_| drop(guard));
        // This comes after all that is in the queue.
        spawn_blocking(|| ()).await.unwrap();
        assert_eq!(begun.count(), 1);
        wanted.await.unwrap();
        assert_eq!(begun.count(), 0);
    });
}

#[tokio::test]
async fn blocking_work_in_time_is_never_told_to_stop() {
    let answer = blocking_while_wanted(|unwanted| (unwanted.is_cancelled(), 7)).await;
    assert_eq!(answer.unwrap(), (false, 7));
    let panicked = blocking_while_wanted(|_| panic!("on purpose")).await;
    assert!(panicked.unwrap_err().is_panic());
}

// What it leaves behind.

#[tokio::test(start_paused = true)]
async fn a_drop_at_any_await_leaves_a_value_that_holds() {
    let shared = Mutex::new(1);
    let change = async |old| {
        sleep(ms(10)).await;
        sleep(ms(10)).await;
        Ok::<_, TimedOut>(old + 1)
    };
    let points = at_every_await(
        || replace_after(&shared, change),
        |_, end| {
            let now = *shared.try_lock().expect("the lock is free");
            assert_eq!(now, if end.is_some() { 2 } else { 1 });
        },
    )
    .await;
    assert_eq!(points, 3);
    let held = shared.lock().await;
    assert!(after_polls(1, replace_after(&shared, change)).await.is_none());
    drop(held);
    assert_eq!(*shared.try_lock().expect("the lock is free"), 2);
}

#[tokio::test(start_paused = true)]
async fn two_changes_at_once_both_count() {
    let shared = Mutex::new(1);
    let change = async |old| {
        sleep(ms(10)).await;
        Ok::<_, TimedOut>(old + 1)
    };
    let both =
        tokio::join!(replace_after(&shared, change), replace_after(&shared, change));
    assert_eq!((both, shared.into_inner()), ((Ok(()), Ok(())), 3));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_leaves_the_old_value() {
    let shared = Mutex::new(1);
    replace_after(&shared, |_| ready(Err("no"))).await.unwrap_err();
    assert_eq!(*shared.lock().await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_out_is_gone_for_ever() {
    let shared = Mutex::new(vec![1]);
    let add = async |mut list: Vec<u32>| {
        sleep(ms(100)).await;
        list.push(2);
        Ok::<_, Infallible>(list)
    };
    naive::take_and_put_back(&shared, add).await.unwrap();
    assert_eq!(*shared.lock().await, [1, 2]);
    let limited = within("add", ms(40), naive::take_and_put_back(&shared, add));
    limited.await.unwrap_err();
    assert!(shared.lock().await.is_empty());
    naive::take_and_put_back(&shared, add).await.unwrap();
    assert_eq!(*shared.lock().await, [2], "and nobody can bring it back");
}

// HTTP, on loopback and in real time.

const LIMIT: Duration = ms(100);

fn client(limits: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    limits(Client::builder().no_proxy()).build().unwrap()
}

/// The head of an answer; asks again when a busy machine made even that too late.
async fn head(client: &Client, url: &str) -> Response {
    loop {
        match client.get(url).send().await {
            Ok(response) => return response,
            Err(error) => assert!(error.is_timeout(), "{error}"),
        }
    }
}

/// `patient` waits for a page that never comes, until a limit of `LIMIT` has ended another request.
async fn outlives_the_limit(patient: Client) -> bool {
    let site = HttpSite::default().with_reply("/a", HttpReply::hang());
    let server = site.start().await;
    let url = server.url("/a");
    let waiting = tokio::spawn(async move {
        loop {
            match patient.get(&url).send().await {
                Err(error) if error.is_connect() => {}
                end => break end.map(|_| ()),
            }
        }
    });
    server.until(|load| load.in_flight == 1).await;
    let start = Instant::now();
    let limited =
        client(|limits| limits.timeout(LIMIT)).get(server.url("/a")).send().await;
    assert!(limited.unwrap_err().is_timeout());
    assert!(start.elapsed() >= LIMIT);
    server.until(|load| load.in_flight == 1).await;
    let outlived = !waiting.is_finished();
    waiting.abort();
    server.until(|load| load.in_flight == 0).await;
    outlived
}

/// A server that sends a byte of its body every 5 ms, for ever.
async fn trickle() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(trickle_into(stream));
        }
    });
    url
}

async fn trickle_into(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut request).await?;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    loop {
        stream.write_all(b"1\r\n.\r\n").await?;
        sleep(ms(5)).await;
    }
}

#[tokio::test]
async fn reqwest_alone_sets_no_limit() {
    assert!(outlives_the_limit(client(|limits| limits)).await);
}

#[tokio::test]
async fn a_connect_limit_does_not_cover_the_answer() {
    assert!(
        outlives_the_limit(client(|limits| limits.connect_timeout(LIMIT / 2))).await
    );
}

#[tokio::test]
async fn a_connect_limit_covers_the_name_lookup() {
    struct NoAnswer;
    impl Resolve for NoAnswer {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(pending())
        }
    }
    let start = Instant::now();
    let client = client(|limits| limits.dns_resolver(NoAnswer).connect_timeout(LIMIT));
    let error = client.get("http://somewhere.test/").send().await.unwrap_err();
    assert!(error.is_timeout() && error.is_connect());
    assert!(start.elapsed() >= LIMIT);
}

#[tokio::test]
async fn a_total_limit_ends_a_body_that_hangs() {
    let site = HttpSite::default().with_reply("/a", HttpReply::ok("").body_hangs());
    let server = site.start().await;
    let client = client(|limits| limits.timeout(LIMIT));
    let response = head(&client, &server.url("/a")).await;
    assert!(response.text().await.unwrap_err().is_timeout());
    server.until(|load| load.in_flight == 0).await;
}

#[tokio::test]
async fn a_total_limit_ends_a_body_that_trickles() {
    let url = trickle().await;
    let client = client(|limits| limits.timeout(LIMIT));
    let (mut chunks, mut start) = (0, Instant::now());
    while chunks == 0 {
        start = Instant::now();
        let mut response = head(&client, &url).await;
        let error = loop {
            match response.chunk().await {
                Ok(chunk) => chunks += chunk.map_or(0, |chunk| chunk.len()),
                Err(error) => break error,
            }
        };
        assert!(error.is_timeout());
    }
    assert!(start.elapsed() >= LIMIT);
}

#[tokio::test]
async fn a_read_limit_ends_a_head_or_a_body_that_hangs() {
    let site = HttpSite::default()
        .with_reply("/head", HttpReply::hang())
        .with_reply("/body", HttpReply::ok("").body_hangs());
    let server = site.start().await;
    let client = client(|limits| limits.read_timeout(LIMIT));
    let start = Instant::now();
    assert!(client.get(server.url("/head")).send().await.unwrap_err().is_timeout());
    assert!(start.elapsed() >= LIMIT);
    let response = head(&client, &server.url("/body")).await;
    let start = Instant::now();
    assert!(response.text().await.unwrap_err().is_timeout());
    assert!(start.elapsed() >= LIMIT);
}

#[tokio::test]
async fn a_read_limit_starts_again_with_each_chunk() {
    let url = trickle().await;
    let client = client(|limits| limits.read_timeout(LIMIT));
    // A machine that stalls for a whole LIMIT makes a real silence: ask again.
    loop {
        let mut response = head(&client, &url).await;
        let start = Instant::now();
        let mut last_asked = start;
        let end = loop {
            let asked = Instant::now();
            if let Err(error) = response.chunk().await {
                break Some(error);
            }
            last_asked = asked;
            if start.elapsed() > 2 * LIMIT {
                break None;
            }
        };
        let Some(error) = end else { break };
        assert!(error.is_timeout() && last_asked.elapsed() >= LIMIT, "{error}");
    }
}

#[tokio::test]
async fn a_total_limit_refuses_a_body_that_has_come() {
    let site = HttpSite::default().with_reply("/a", HttpReply::ok("here"));
    let server = site.start().await;
    let client = client(|limits| limits.timeout(LIMIT));
    let response = head(&client, &server.url("/a")).await;
    server.until(|load| load.in_flight == 0 && load.answered > 0).await;
    sleep(LIMIT).await;
    assert!(response.text().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_read_limit_counts_what_the_reader_does_between_two_reads() {
    let url = trickle().await;
    let client = client(|limits| limits.read_timeout(LIMIT));
    let mut response = head(&client, &url).await;
    while response.chunk().await.is_err() {
        response = head(&client, &url).await;
    }
    sleep(LIMIT).await;
    assert!(response.chunk().await.unwrap_err().is_timeout());
}
