use super::*;
use backend::{Alive, cancel, ends, soon};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use std::cell::RefCell;
use std::pin::pin;
use std::sync::{Arc, Mutex as StdMutex, mpsc as std_mpsc};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::coop::{consume_budget, has_budget_remaining};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, timeout};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// Long enough for any machine; only a broken listing waits that long.
const AGES: Duration = Duration::from_mins(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn places(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// Counts from its first poll on, not from the call.
async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

#[derive(Clone, Default)]
struct Log(Arc<StdMutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn lines<const N: usize>(lines: [&str; N]) -> Vec<String> {
    lines.map(ToOwned::to_owned).to_vec()
}

/// Does each job to its end, and answers with how many it has done.
#[derive(Default)]
struct Clerk {
    done: u32,
    log: Log,
    alive: Alive,
    skip: bool,
}

struct Job {
    name: &'static str,
    work: BoxFuture<'static, ()>,
    answer: oneshot::Sender<u32>,
}

impl Actor for Clerk {
    type Request = Job;

    async fn handle(&mut self, Job { name, work, answer }: Job) {
        if self.skip && answer.is_closed() {
            return self.log.add(format!("{name} is skipped"));
        }
        let _guard = self.alive.guard();
        self.log.add(format!("{name} begins"));
        work.await;
        self.done += 1;
        self.log.add(format!("{name} ends"));
        let _nobody_waits = answer.send(self.done);
    }
}

impl Clerk {
    fn start(n: usize) -> (Handle<Job>, Owner<Self>, Log) {
        let clerk = Self::default();
        let log = clerk.log.clone();
        let (handle, owner) = start(places(n), clerk);
        (handle, owner, log)
    }
}

type Done = Result<u32, Gone<Job>>;

impl Handle<Job> {
    fn work<Fut>(
        &self,
        name: &'static str,
        work: Fut,
    ) -> impl Future<Output = Done> + Send
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let work = work.boxed();
        self.ask(move |answer| Job { name, work, answer })
    }

    fn sleep(
        &self,
        name: &'static str,
        time: Duration,
    ) -> impl Future<Output = Done> + Send {
        self.work(name, sleep(time))
    }
}

/// What a call came to, as a line.
fn text(done: Done) -> String {
    match done {
        Ok(count) => format!("answer {count}"),
        Err(Gone::NotTaken(job)) => format!("{} was not taken", job.name),
        Err(Gone::NoAnswer) => "no answer".to_owned(),
    }
}

/// Spawns a call, and lets it run until it waits.
async fn calling(
    handle: &Handle<Job>,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) -> AbortOnDropHandle<String> {
    let handle = handle.clone();
    let call = async move { text(handle.work(name, work).await) };
    let call = AbortOnDropHandle::new(tokio::spawn(call));
    sleep(ms(1)).await;
    call
}

async fn panics() {
    sleep(SECOND).await;
    panic!("the disk is full");
}

// One at a time, in order

#[tokio::test(start_paused = true)]
async fn a_request_begins_when_the_one_before_has_ended() {
    let (handle, _owner, log) = Clerk::start(4);
    let calls = ["a", "b", "c"].map(|name| handle.sleep(name, SECOND));
    let start = Instant::now();
    let answers: Vec<_> = join_all(calls).await.into_iter().map(text).collect();
    assert_eq!(answers, ["answer 1", "answer 2", "answer 3"]);
    assert_eq!(start.elapsed(), 3 * SECOND);
    let expected = ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"];
    assert_eq!(log.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_requests_of_one_handle_are_handled_in_the_order_of_the_calls() {
    let (handle, owner, log) = Clerk::start(1);
    let names = ["a", "b", "c", "d", "e", "f"];
    // All but the first two have to wait for room, the short ones too.
    let calls = (1..).zip(names).map(|(n, name)| handle.sleep(name, SECOND / n));
    for (n, done) in (1..).zip(join_all(calls).await) {
        assert_eq!(done, Ok(n));
    }
    ends(owner.shutdown()).await.unwrap();
    let ended = log.lines().into_iter().filter(|line| line.ends_with("ends"));
    assert_eq!(ended.collect::<Vec<_>>(), names.map(|name| format!("{name} ends")));
}

#[tokio::test(start_paused = true)]
async fn no_invoice_number_is_lost_with_an_actor() {
    let (handle, owner, log) = Clerk::start(4);
    let names = ["1", "2", "3", "4"];
    let calls = names.map(|name| timeout(ms(25), handle.sleep(name, ms(10))));
    let in_time = join_all(calls).await.into_iter().flatten().count();
    assert_eq!((in_time, owner.shutdown().await.unwrap().done), (2, 4));
    let ended = log.lines().into_iter().filter(|line| line.ends_with("ends"));
    assert_eq!(ended.collect::<Vec<_>>(), names.map(|name| format!("{name} ends")));
}

#[tokio::test(start_paused = true)]
async fn with_a_mutex_a_caller_that_times_out_leaves_a_gap() {
    let (last, written) = (Mutex::new(0), RefCell::new(Vec::new()));
    let write = async |number| {
        sleep(ms(10)).await;
        written.borrow_mut().push(number);
    };
    let call = || timeout(ms(25), naive::next_invoice(&last, write));
    let in_time = join_all([(); 3].map(|()| call())).await;
    assert_eq!(in_time.into_iter().flatten().count(), 2);
    // Number 3 is taken, and never written.
    assert_eq!(naive::next_invoice(&last, write).await, 4);
    assert_eq!(*written.borrow(), [1, 2, 4]);
}

// Callers that are gone

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_dropped_while_its_request_waits_does_not_stop_it() {
    let (handle, owner, log) = Clerk::start(4);
    let first = calling(&handle, "first", sleep(SECOND)).await;
    assert!(timeout(ms(100), handle.sleep("second", SECOND)).await.is_err());
    assert_eq!(log.lines(), ["first begins"]);
    assert_eq!(ends(owner.shutdown()).await.unwrap().done, 2);
    assert_eq!(first.await.unwrap(), "answer 1");
    assert_eq!(
        log.lines(),
        ["first begins", "first ends", "second begins", "second ends"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_dropped_while_the_actor_works_does_not_stop_the_work() {
    let (handle, _owner, log) = Clerk::start(4);
    assert!(timeout(ms(500), handle.sleep("first", SECOND)).await.is_err());
    assert_eq!(log.lines(), ["first begins"]);
    // The answer that nobody waits for is no panic: the next call is answered.
    assert_eq!(handle.sleep("second", SECOND).await, Ok(2));
    assert_eq!(
        log.lines(),
        ["first begins", "first ends", "second begins", "second ends"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_dropped_while_it_waits_for_room_has_asked_nothing() {
    let (handle, owner, log) = Clerk::start(1);
    let _first = calling(&handle, "first", sleep(SECOND)).await;
    let _second = calling(&handle, "second", sleep(SECOND)).await;
    assert!(timeout(ms(100), handle.sleep("third", SECOND)).await.is_err());
    let (sender, _answer) = oneshot::channel();
    let third = Job { name: "third", work: sleep(SECOND).boxed(), answer: sender };
    assert!(timeout(ms(100), handle.tell(third)).await.is_err());
    assert_eq!(ends(owner.shutdown()).await.unwrap().done, 2);
    assert_eq!(
        log.lines(),
        ["first begins", "first ends", "second begins", "second ends"]
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_call_leaves_its_place_to_others() {
    let (handle, owner, _log) = Clerk::start(1);
    let drops = cancel::at_every_await(
        || async {
            let _first = calling(&handle, "first", sleep(SECOND)).await;
            let _second = calling(&handle, "second", sleep(SECOND)).await;
            handle.sleep("third", SECOND).await
        },
        |_polls, _done| (),
    )
    .await;
    assert!(drops >= 4, "{drops}");
    assert!(handle.sleep("last", SECOND).await.is_ok());
    ends(owner.shutdown()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_actor_can_skip_a_request_that_nobody_waits_for() {
    let clerk = Clerk { skip: true, ..Clerk::default() };
    let log = clerk.log.clone();
    let (handle, owner) = start(places(4), clerk);
    let first = calling(&handle, "first", sleep(SECOND)).await;
    assert!(timeout(ms(100), handle.sleep("second", SECOND)).await.is_err());
    assert_eq!(ends(owner.shutdown()).await.unwrap().done, 1);
    assert_eq!(first.await.unwrap(), "answer 1");
    assert_eq!(log.lines(), ["first begins", "first ends", "second is skipped"]);
}

/// Wrong: panics if nobody waits for its answer.
struct Strict;

impl Actor for Strict {
    type Request = oneshot::Sender<u32>;

    async fn handle(&mut self, answer: oneshot::Sender<u32>) {
        sleep(SECOND).await;
        answer.send(1).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn with_an_unwrap_one_caller_that_gave_up_ends_the_actor() {
    let (handle, owner) = start(places(4), Strict);
    assert_eq!(handle.ask(|answer| answer).await.ok(), Some(1));
    assert!(timeout(ms(500), handle.ask(|answer| answer)).await.is_err());
    assert!(handle.ask(|answer| answer).await.is_err());
    assert!(ends(owner.join()).await.is_err_and(|error| error.is_panic()));
}

// A panic

#[tokio::test(start_paused = true)]
async fn after_a_panic_each_caller_gets_gone() {
    let (handle, _owner, log) = Clerk::start(1);
    let works = calling(&handle, "works", panics()).await;
    let queued = calling(&handle, "queued", sleep(SECOND)).await;
    let waits = calling(&handle, "waits", sleep(SECOND)).await;
    let all = timeout(HOUR, async { (works.await, queued.await, waits.await) });
    let (works, queued, waits) = all.await.expect("nobody hangs");
    assert_eq!(works.unwrap(), "no answer");
    assert_eq!(queued.unwrap(), "no answer");
    assert_eq!(waits.unwrap(), "waits was not taken");
    let later = timeout(HOUR, handle.sleep("later", SECOND)).await.unwrap();
    assert_eq!(text(later), "later was not taken");
    assert_eq!(log.lines(), ["works begins"]);
}

#[tokio::test(start_paused = true)]
async fn the_owner_sees_the_panic() {
    for shutdown in [true, false] {
        let (handle, owner, _log) = Clerk::start(1);
        assert_eq!(handle.work("fails", panics()).await, Err(Gone::NoAnswer));
        let end = if shutdown {
            ends(owner.shutdown()).await
        } else {
            ends(owner.join()).await
        };
        let panic = end.err().expect("a panic").into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the disk is full"));
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

// Back-pressure

#[tokio::test(start_paused = true)]
async fn a_call_waits_while_the_queue_is_full() {
    let (handle, _owner, _log) = Clerk::start(2);
    let start = Instant::now();
    let told = |n: u32| {
        let handle = &handle;
        async move {
            let (answer, _) = oneshot::channel();
            let job = Job { name: "job", work: sleep(SECOND).boxed(), answer };
            handle.tell(job).await.unwrap();
            (n, start.elapsed())
        }
    };
    let mut times = Vec::new();
    for n in 1..=5 {
        times.push(told(n).await);
        yield_now().await; // the actor takes what it can
    }
    let zero = Duration::ZERO;
    assert_eq!(times, [(1, zero), (2, zero), (3, zero), (4, SECOND), (5, 2 * SECOND)]);
    assert_eq!(handle.sleep("last", SECOND).await, Ok(6));
    assert_eq!(start.elapsed(), 6 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_room_is_not_made_before_there_is_room() {
    let (handle, _owner, log) = Clerk::start(1);
    let _first = calling(&handle, "first", sleep(SECOND)).await;
    let _second = calling(&handle, "second", sleep(SECOND)).await;
    let made = RefCell::new(false);
    let call = handle.ask(|answer| {
        *made.borrow_mut() = true;
        Job { name: "third", work: sleep(SECOND).boxed(), answer }
    });
    assert!(timeout(ms(100), call).await.is_err());
    assert!(!*made.borrow());
    assert_eq!(log.lines(), ["first begins"]);
}

#[tokio::test]
async fn the_largest_queue_is_no_panic() {
    let (handle, _owner) = start(NonZeroUsize::MAX, Clerk::default());
    assert_eq!(handle.work("job", async {}).await, Ok(1));
}

// The end

#[tokio::test(start_paused = true)]
async fn a_shutdown_answers_all_that_is_in_the_queue() {
    let (handle, owner, _log) = Clerk::start(3);
    let start = Instant::now();
    let mut calls = Vec::new();
    for name in ["a", "b", "c", "d"] {
        calls.push(calling(&handle, name, sleep(SECOND)).await);
    }
    // It waits for room, so it is not in the queue.
    let waits = calling(&handle, "waits", sleep(SECOND)).await;
    assert_eq!(ends(owner.shutdown()).await.unwrap().done, 4);
    assert_eq!(start.elapsed(), 4 * SECOND);
    for (n, call) in (1..).zip(calls) {
        assert_eq!(call.await.unwrap(), format!("answer {n}"));
    }
    assert_eq!(waits.await.unwrap(), "waits was not taken");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_just_before_the_end_is_not_lost() {
    let (handle, owner, _log) = Clerk::start(1);
    let mut call = pin!(handle.sleep("call", SECOND));
    assert!(futures::poll!(call.as_mut()).is_pending());
    ends(owner.shutdown()).await.unwrap();
    // Without budget, the answer looks as if it were not there, and the end is there.
    while has_budget_remaining() {
        consume_budget().await;
    }
    assert_eq!(call.await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_a_call_gets_its_request_back() {
    let (handle, owner, log) = Clerk::start(3);
    ends(owner.shutdown()).await.unwrap();
    assert_eq!(text(handle.sleep("ask", SECOND).await), "ask was not taken");
    let (answer, _) = oneshot::channel();
    let job = Job { name: "tell", work: sleep(SECOND).boxed(), answer };
    assert!(matches!(
        handle.tell(job).await,
        Err(Gone::NotTaken(Job { name: "tell", .. }))
    ));
    assert_eq!(log.lines(), lines([]));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_while_the_actor_still_works_is_answered_too() {
    let (handle, owner, _log) = Clerk::start(3);
    let first = calling(&handle, "first", sleep(SECOND)).await;
    let end = tokio::spawn(owner.shutdown());
    sleep(ms(100)).await;
    let second = calling(&handle, "second", sleep(SECOND)).await;
    sleep(SECOND).await; // the actor works on the second one, and has closed its queue
    let third = calling(&handle, "third", sleep(SECOND)).await;
    assert_eq!(third.await.unwrap(), "third was not taken");
    assert_eq!(
        (first.await.unwrap(), second.await.unwrap()),
        ("answer 1".into(), "answer 2".into())
    );
    assert_eq!(end.await.unwrap().unwrap().done, 2);
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_waits_for_requests_ends_at_once_at_a_shutdown() {
    let (_handle, owner, _log) = Clerk::start(3);
    sleep(ms(1)).await; // it waits for a request
    let end = timeout(SECOND, owner.shutdown()).await.expect("it ends");
    assert_eq!(end.unwrap().done, 0);
}

#[tokio::test(start_paused = true)]
async fn at_a_limit_around_a_shutdown_the_actor_is_aborted() {
    let clerk = Clerk::default();
    let (alive, log) = (clerk.alive.clone(), clerk.log.clone());
    let (handle, owner) = start(places(3), clerk);
    let works = calling(&handle, "works", sleep(SECOND)).await;
    let queued = calling(&handle, "queued", sleep(SECOND)).await;
    assert!(timeout(ms(500), owner.shutdown()).await.is_err());
    let later = calling(&handle, "later", sleep(SECOND)).await;
    assert_eq!(alive.count(), 0);
    assert_eq!(works.await.unwrap(), "no answer");
    assert_eq!(queued.await.unwrap(), "no answer");
    assert_eq!(later.await.unwrap(), "later was not taken");
    assert_eq!(log.lines(), ["works begins"]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_owner_aborts_the_actor_and_each_caller_gets_gone() {
    let (handle, owner, log) = Clerk::start(3);
    let works = calling(&handle, "works", sleep(SECOND)).await;
    let queued = calling(&handle, "queued", sleep(SECOND)).await;
    drop(owner);
    assert_eq!(works.await.unwrap(), "no answer");
    assert_eq!(queued.await.unwrap(), "no answer");
    assert_eq!(text(handle.sleep("later", SECOND).await), "later was not taken");
    assert_eq!(log.lines(), ["works begins"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_not_kept_ends_its_actor() {
    let (handle, _) = start(places(1), Clerk::default());
    yield_now().await;
    assert_eq!(text(handle.sleep("call", SECOND).await), "call was not taken");
}

#[tokio::test(start_paused = true)]
async fn when_all_handles_are_dropped_the_actor_ends_after_its_queue() {
    let (handle, owner, log) = Clerk::start(3);
    let first = calling(&handle, "first", sleep(SECOND)).await;
    assert!(timeout(ms(100), handle.sleep("second", SECOND)).await.is_err());
    let other = handle.clone();
    drop((handle, first));
    sleep(HOUR).await;
    assert_eq!(other.sleep("third", SECOND).await, Ok(3));
    drop(other);
    assert_eq!(timeout(SECOND, owner.join()).await.unwrap().unwrap().done, 3);
    assert_eq!(log.lines().last().map(String::as_str), Some("third ends"));
}

#[tokio::test(start_paused = true)]
async fn a_weak_handle_does_not_keep_the_actor_alive() {
    let mut weak = None;
    let (handle, owner) = start_with(places(1), |itself| {
        weak = Some(itself);
        Clerk::default()
    });
    let weak = weak.unwrap();
    assert_eq!(weak.upgrade().unwrap().sleep("first", SECOND).await, Ok(1));
    drop(handle);
    assert_eq!(timeout(SECOND, owner.join()).await.unwrap().unwrap().done, 1);
    assert!(weak.upgrade().is_none());
}

// Threads

/// What a request comes to that is sent at the moment of the end, with the handle that `choose` takes.
async fn sent_at_the_end(
    choose: impl FnOnce(&Handle<Job>, &WeakHandle<Job>) -> Handle<Job>,
) -> String {
    let clerk = Clerk::default();
    let alive = clerk.alive.clone();
    let mut weak = None;
    let (handle, owner) = start_with(places(2), |itself| {
        weak = Some(itself);
        clerk
    });
    let chosen = choose(&handle, &weak.expect("the actor was made"));
    let (gone, wait) = std_mpsc::channel::<()>();
    let other = handle.clone();
    let works = tokio::spawn(async move {
        let work = async move {
            let _gone = gone; // dropped with the actor's task
            sleep(AGES).await;
        };
        text(other.work("works", work).await)
    });
    while alive.count() == 0 {
        yield_now().await;
    }
    // The call has its place in the queue. Before it sends, the actor is dropped.
    let call = chosen.ask(|answer| {
        drop(owner);
        wait.recv().unwrap_err();
        while !handle.ended.is_cancelled() {
            std::thread::yield_now();
        }
        Job { name: "last", work: sleep(AGES).boxed(), answer }
    });
    // Only a handle that never hears of the end needs the limit.
    let last = soon(call).await;
    assert_eq!(works.await.unwrap(), "no answer");
    text(last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_at_the_moment_of_the_end_gets_gone() {
    let last = sent_at_the_end(|handle, _| handle.clone()).await;
    assert_eq!(last, "no answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_one_that_is_sent_with_an_upgraded_handle() {
    let last = sent_at_the_end(|_, weak| weak.upgrade().expect("it is alive")).await;
    assert_eq!(last, "no answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_threads_too_each_caller_gets_an_answer_or_gone() {
    for end in 0..3 {
        let clerk = Clerk::default();
        let alive = clerk.alive.clone();
        let (handle, owner) = start(places(4), clerk);
        let mut callers = JoinSet::new();
        for caller in 0..20 {
            let handle = handle.clone();
            callers.spawn(async move {
                let mut answers = 0;
                for call in 0..50 {
                    let fails = (end, caller, call) == (0, 10, 25);
                    let work = async move {
                        yield_now().await;
                        assert!(!fails, "a panic");
                    };
                    match handle.work("job", work).await {
                        Ok(_) => answers += 1,
                        Err(_gone) => break,
                    }
                }
                answers
            });
        }
        while alive.dropped() < 300 {
            yield_now().await;
        }
        let state = match end {
            0 => None, // a panic
            1 => Some(owner.shutdown().await.unwrap()),
            _ => {
                drop(owner);
                None
            }
        };
        let answers = timeout(AGES, callers.join_all()).await.expect("nobody hangs");
        let answers = answers.into_iter().sum::<u32>();
        match state {
            // Each request that was taken is answered.
            Some(clerk) => assert_eq!(clerk.done, answers),
            None => assert!(answers > 200, "{answers}"),
        }
    }
}

// An actor that waits

/// Asks another actor, or itself, in the midst of its own work.
#[derive(Default)]
struct Asker(Option<WeakHandle<Question>>);

enum Question {
    /// Ask the actor that you know.
    Ask(oneshot::Sender<bool>),
    /// Ask it in a task, which answers.
    AskInATask(oneshot::Sender<bool>),
    /// Send a message to the actor that you know.
    Tell(oneshot::Sender<bool>),
    /// Know this actor.
    Know(WeakHandle<Question>),
    /// Answer.
    Plain(oneshot::Sender<bool>),
}

impl Actor for Asker {
    type Request = Question;

    async fn handle(&mut self, request: Question) {
        let known = self.0.as_ref().and_then(WeakHandle::upgrade);
        let (answer, heard) = match (request, known) {
            (Question::Know(handle), _) => return self.0 = Some(handle),
            (Question::Plain(answer), _) => (answer, true),
            (Question::Ask(answer), Some(known)) => {
                (answer, known.ask(Question::Plain).await.is_ok())
            }
            (Question::AskInATask(answer), Some(known)) => {
                tokio::spawn(async move {
                    let _nobody_waits =
                        answer.send(known.ask(Question::Plain).await.is_ok());
                });
                return;
            }
            (Question::Tell(answer), Some(known)) => {
                let (sender, _) = oneshot::channel();
                (answer, known.tell(Question::Plain(sender)).await.is_ok())
            }
            _ => return,
        };
        let _nobody_waits = answer.send(heard);
    }
}

fn weak(handle: &Handle<Question>) -> WeakHandle<Question> {
    WeakHandle { queue: handle.queue.downgrade(), ended: handle.ended.clone() }
}

/// What a call comes to; `None` if it does not end.
async fn heard(
    call: impl Future<Output = Result<bool, Gone<Question>>>,
) -> Option<bool> {
    timeout(HOUR, call).await.ok()?.ok()
}

fn asker(queue: usize) -> (Handle<Question>, Owner<Asker>) {
    start_with(places(queue), |itself| Asker(Some(itself)))
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_asks_itself_waits_for_ever() {
    let (handle, _owner) = asker(4);
    assert_eq!(heard(handle.ask(Question::Plain)).await, Some(true));
    assert_eq!(heard(handle.ask(Question::Ask)).await, None);
    // And so do all others.
    assert_eq!(heard(handle.ask(Question::Plain)).await, None);
}

#[tokio::test(start_paused = true)]
async fn two_actors_that_ask_each_other_wait_for_ever() {
    let ((one, _owner1), (two, _owner2)) = (asker(4), asker(4));
    one.tell(Question::Know(weak(&two))).await.unwrap();
    two.tell(Question::Know(weak(&one))).await.unwrap();
    // One after another: all is well.
    assert_eq!(heard(one.ask(Question::Ask)).await, Some(true));
    assert_eq!(heard(two.ask(Question::Ask)).await, Some(true));
    let (first, second) =
        (heard(one.ask(Question::Ask)), heard(two.ask(Question::Ask)));
    assert_eq!(tokio::join!(first, second), (None, None));
}

#[tokio::test(start_paused = true)]
async fn two_actors_that_ask_each_other_in_tasks_are_answered() {
    let ((one, _owner1), (two, _owner2)) = (asker(4), asker(4));
    one.tell(Question::Know(weak(&two))).await.unwrap();
    two.tell(Question::Know(weak(&one))).await.unwrap();
    let first = heard(one.ask(Question::AskInATask));
    let second = heard(two.ask(Question::AskInATask));
    assert_eq!(tokio::join!(first, second), (Some(true), Some(true)));
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_asks_itself_in_a_task_is_answered() {
    let (handle, _owner) = asker(4);
    assert_eq!(heard(handle.ask(Question::AskInATask)).await, Some(true));
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_sends_to_its_own_full_queue_waits_for_ever() {
    let (handle, _owner) = asker(1);
    assert_eq!(heard(handle.ask(Question::Tell)).await, Some(true), "there is room");
    let (first, second) = (handle.ask(Question::Tell), handle.ask(Question::Tell));
    assert_eq!(tokio::join!(heard(first), heard(second)), (None, None));
}

/// Needs a second for a report: itself, or a task that sends the result back.
struct Reporter {
    itself: WeakHandle<Report>,
    tasks: JoinSet<()>,
    reports: u32,
}

enum Report {
    Here(oneshot::Sender<u32>),
    InATask(oneshot::Sender<u32>),
    Ready(oneshot::Sender<u32>),
    Count(oneshot::Sender<u32>),
}

impl Actor for Reporter {
    type Request = Report;

    async fn handle(&mut self, request: Report) {
        let answer = match request {
            Report::Here(answer) => {
                sleep(SECOND).await;
                self.reports += 1;
                answer
            }
            Report::InATask(answer) => {
                let Some(itself) = self.itself.upgrade() else { return };
                self.tasks.spawn(async move {
                    sleep(SECOND).await;
                    let _ended = itself.tell(Report::Ready(answer)).await;
                });
                return;
            }
            Report::Ready(answer) => {
                self.reports += 1;
                answer
            }
            Report::Count(answer) => answer,
        };
        let _nobody_waits = answer.send(self.reports);
    }
}

fn reporter() -> (Handle<Report>, Owner<Reporter>) {
    start_with(places(4), |itself| Reporter {
        itself,
        tasks: JoinSet::new(),
        reports: 0,
    })
}

/// When `report` is answered, and when a short call beside it.
async fn beside(report: fn(oneshot::Sender<u32>) -> Report) -> [(u32, Duration); 2] {
    let ((handle, _owner), start) = (reporter(), Instant::now());
    let time = |answer: Result<u32, _>| (answer.unwrap(), start.elapsed());
    let long = async { time(handle.ask(report).await) };
    let short = async { time(handle.ask(Report::Count).await) };
    tokio::join!(long, short).into()
}

#[tokio::test(start_paused = true)]
async fn long_work_in_the_actor_keeps_all_other_callers_waiting() {
    assert_eq!(beside(Report::Here).await, [(1, SECOND), (1, SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn beside_long_work_in_a_task_other_callers_are_answered() {
    assert_eq!(beside(Report::InATask).await, [(1, SECOND), (0, Duration::ZERO)]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_brings_its_result_back_keeps_the_actor_alive() {
    let (handle, owner) = reporter();
    assert!(timeout(ms(100), handle.ask(Report::InATask)).await.is_err());
    drop(handle);
    assert_eq!(timeout(SECOND, owner.join()).await.unwrap().unwrap().reports, 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_the_tasks_of_the_actor() {
    let ((handle, owner), start) = (reporter(), Instant::now());
    let call = tokio::spawn(async move { handle.ask(Report::InATask).await.ok() });
    sleep(ms(100)).await;
    let state = ends(owner.shutdown()).await.unwrap();
    assert_eq!((call.await.unwrap(), start.elapsed()), (None, ms(100)));
    assert_eq!((state.reports, state.tasks.len()), (0, 1));
}
