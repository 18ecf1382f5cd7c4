use super::*;
use backend::cancel::at_every_await;
use backend::{Alive, Load, Reply, Site, SiteError};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_util::task::JoinQueue;

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Users 1, 2 and 3, who take 30, 10 and 20 ms.
fn users() -> Site {
    [(1, 30), (2, 10), (3, 20)].into_iter().fold(
        Site::default(),
        |site, (id, after)| {
            site.with_reply(
                &format!("/{id}"),
                Reply::page(ms(after), format!("user {id}")),
            )
        },
    )
}

type Answer = Result<String, SiteError>;

/// Fetches the user from a clone of `site`, so that the future owns all it needs.
fn user_from(
    site: &Site,
) -> impl Fn(u64) -> BoxFuture<'static, Answer> + Clone + use<> {
    let site = site.clone();
    move |id| {
        let answer = site.fetch(&format!("/{id}"));
        async move { Ok(answer.await?.body) }.boxed()
    }
}

fn not_found(id: u64) -> SiteError {
    SiteError::NotFound { path: format!("/{id}") }
}

// As they come.

#[tokio::test(start_paused = true)]
async fn each_answer_comes_with_its_id_when_it_is_ready() {
    let start = Instant::now();
    let mut answers = pin!(as_they_come([1, 2, 3], THREE, user_from(&users())));
    let mut came = Vec::new();
    while let Some((id, answer)) = answers.next().await {
        came.push((start.elapsed(), id, answer.unwrap()));
    }
    let expected = [(ms(10), 2), (ms(20), 3), (ms(30), 1)];
    assert_eq!(came, expected.map(|(at, id)| (at, id, format!("user {id}"))));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_ids_go_a_few_at_a_time() {
    let site = Site::default().with_page("/", ms(1));
    let fetch = |_| site.fetch("/");
    let start = Instant::now();
    let answers: Vec<_> = as_they_come(0..10_000, TWO, fetch).collect().await;
    assert_eq!(answers.len(), 10_000);
    assert_eq!(
        site.load(),
        Load { calls: 10_000, peak: 2, answered: 10_000, ..Load::default() }
    );
    assert_eq!(start.elapsed(), ms(5_000));
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_taken_again_when_one_answers() {
    let start = Instant::now();
    let work = |after| async move {
        sleep(ms(after)).await;
        start.elapsed()
    };
    let expected = [(10, ms(10)), (20, ms(30)), (50, ms(50))];
    let came: Vec<_> = as_they_come([50, 10, 20], TWO, work).collect().await;
    assert_eq!(came, expected);
    let start = Instant::now();
    let work = move |after| async move {
        sleep(ms(after)).await;
        start.elapsed()
    };
    let came = on_tasks([50, 10, 20], TWO, work).map(|(id, at)| (id, at.unwrap()));
    assert_eq!(came.collect::<Vec<_>>().await, expected);
}

#[tokio::test(start_paused = true)]
async fn an_error_keeps_its_id_and_leaves_the_others() {
    let answers: BTreeMap<_, _> =
        as_they_come([1, 404, 3], THREE, user_from(&users())).collect().await;
    let expected = [
        (1, Ok("user 1".into())),
        (3, Ok("user 3".into())),
        (404, Err(not_found(404))),
    ];
    assert_eq!(answers, BTreeMap::from(expected));
}

#[tokio::test(start_paused = true)]
async fn no_work_begins_before_the_first_poll() {
    let mut begun = 0;
    let mut work = |_| {
        begun += 1;
        async {}
    };
    drop(as_they_come([1, 2, 3], THREE, &mut work));
    drop(on_tasks([1, 2, 3], THREE, &mut work));
    drop(fetch_and_store([1, 2, 3], THREE, &mut work, |()| async {}));
    assert_eq!(begun, 0);
}

/// How often `work` had been called when the answers to 1, 2 and so on came, two at a
/// time, and how many ids had been taken by then.
async fn begun_at_each_answer<S: Stream>(
    stream: impl FnOnce(BoxedIds, BoxedWork) -> S,
) -> Vec<(usize, usize)> {
    let counted = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let (taken, begun) = (Arc::clone(&counted), Arc::clone(&counted));
    let ids = (1..=6).inspect(move |_| _ = taken[0].fetch_add(1, Ordering::SeqCst));
    let work = move |id| {
        begun[1].fetch_add(1, Ordering::SeqCst);
        sleep(ms(id * 10)).boxed()
    };
    let mut answers = pin!(stream(Box::new(ids), Box::new(work)));
    let mut counts = Vec::new();
    while answers.next().await.is_some() {
        let [taken, begun] = [0, 1].map(|of| counted[of].load(Ordering::SeqCst));
        counts.push((taken, begun));
    }
    counts
}
type BoxedIds = Box<dyn Iterator<Item = u64>>;
type BoxedWork = Box<dyn FnMut(u64) -> BoxFuture<'static, ()>>;

#[tokio::test(start_paused = true)]
async fn no_more_work_is_made_than_is_in_flight() {
    let expected = [2, 3, 4, 5, 6, 6].map(|count| (count, count));
    let counts = begun_at_each_answer(|ids, work| as_they_come(ids, TWO, work)).await;
    assert_eq!(counts, expected);
    let counts = begun_at_each_answer(|ids, work| on_tasks(ids, TWO, work)).await;
    assert_eq!(counts, expected);
}

#[tokio::test(start_paused = true)]
async fn no_ids_is_the_end_and_the_end_stays() {
    let mut answers = pin!(as_they_come([], TWO, user_from(&users())));
    assert_eq!(answers.next().await, None);
    assert_eq!(answers.next().await, None);
    let mut answers = pin!(on_tasks([], TWO, user_from(&users())));
    assert!(answers.next().await.is_none());
    assert!(answers.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn work_on_the_same_task_may_borrow() {
    let names = vec![String::from("/1"), String::from("/2")];
    let site = users();
    let fetch = |name: &String| site.fetch(name);
    let answers =
        as_they_come(&names, TWO, fetch).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(answers.await, [&names[1], &names[0]]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_nothing() {
    let site = users();
    let mut answers = pin!(as_they_come([1, 2, 3], THREE, user_from(&site)));
    for _ in 0..2 {
        timeout(ms(4), answers.next()).await.unwrap_err();
    }
    let ids: Vec<_> = answers.map(|(id, _)| id).collect().await;
    assert_eq!(ids, [2, 3, 1]);
    assert_eq!(site.load().calls, 3);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_drops_what_is_in_flight() {
    let site = users();
    let mut answers = Box::pin(as_they_come([1, 2, 3, 1, 2], THREE, user_from(&site)));
    assert_eq!(answers.next().await.unwrap().0, 2);
    drop(answers);
    let load = Load { calls: 3, in_flight: 0, peak: 3, answered: 1, dropped: 2 };
    assert_eq!(site.load(), load);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_nothing_behind() {
    let alive = Alive::default();
    let crawl = || {
        let alive = alive.clone();
        as_they_come([30, 10, 20], TWO, move |after| {
            let guard = alive.guard();
            async move {
                sleep(ms(after)).await;
                drop(guard);
            }
        })
        .collect::<Vec<_>>()
    };
    let points = at_every_await(crawl, |_, _| assert_eq!(alive.count(), 0)).await;
    assert!(points >= 3, "{points}");
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let site = users();
    let fetch = user_from(&site);
    let one_task = as_they_come([1, 2, 3], TWO, fetch.clone()).collect::<Vec<_>>();
    assert_eq!(tokio::spawn(one_task).await.unwrap().len(), 3);
    let tasks = on_tasks([1, 2, 3], TWO, fetch.clone()).collect::<Vec<_>>();
    assert_eq!(tokio::spawn(tasks).await.unwrap().len(), 3);
    let answers = as_they_come([1, 2, 3], THREE, fetch.clone());
    let some = before(Instant::now() + ms(15), answers);
    assert_eq!(tokio::spawn(some).await.unwrap().len(), 1);
    let stored = fetch_and_store([1, 2, 3], TWO, fetch, |_| async {});
    tokio::spawn(stored).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_the_same_task_takes_them_all() {
    let alive = Alive::default();
    let watched = alive.clone();
    let answers = as_they_come([1, 2, 3], THREE, move |id| {
        let guard = watched.guard();
        async move {
            sleep(ms(id)).await;
            drop(guard);
            assert_ne!(id, 2, "as the test wants");
        }
    });
    let panic = tokio::spawn(answers.collect::<Vec<_>>()).await.unwrap_err();
    assert!(panic.is_panic());
    assert_eq!((alive.count(), alive.dropped()), (0, 3));
}

// On tasks.

#[tokio::test(start_paused = true)]
async fn tasks_answer_with_their_ids_too() {
    let start = Instant::now();
    let mut answers = pin!(on_tasks([1, 2, 3], THREE, user_from(&users())));
    let mut came = Vec::new();
    while let Some((id, answer)) = answers.next().await {
        came.push((start.elapsed(), id, answer.unwrap().unwrap()));
    }
    let expected = [(ms(10), 2), (ms(20), 3), (ms(30), 1)];
    assert_eq!(came, expected.map(|(at, id)| (at, id, format!("user {id}"))));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_tasks_go_a_few_at_a_time() {
    let site = Site::default().with_page("/", ms(1));
    let fetch = |_| site.fetch("/");
    let start = Instant::now();
    let answers: Vec<_> = on_tasks(0..10_000, TWO, fetch).collect().await;
    assert_eq!(answers.len(), 10_000);
    assert_eq!(
        site.load(),
        Load { calls: 10_000, peak: 2, answered: 10_000, ..Load::default() }
    );
    assert_eq!(start.elapsed(), ms(5_000));
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_a_task_is_told_with_its_id() {
    let answers: BTreeMap<_, _> = on_tasks([1, 2, 3], TWO, |id| async move {
        sleep(ms(id)).await;
        assert_ne!(id, 2, "as the test wants");
        id
    })
    .collect()
    .await;
    assert!(answers[&2].as_ref().is_err_and(JoinError::is_panic));
    assert_eq!(
        (answers[&1].as_ref().unwrap(), answers[&3].as_ref().unwrap()),
        (&1, &3)
    );
}

#[test]
#[should_panic(expected = "no reactor running")]
fn outside_a_runtime_tasks_panic() {
    futures::executor::block_on(on_tasks([1], TWO, |_| async {}).count());
}

#[tokio::test(start_paused = true)]
async fn an_error_on_a_task_keeps_its_id() {
    let answers: BTreeMap<_, _> =
        on_tasks([1, 404], TWO, user_from(&users())).collect().await;
    assert_eq!(answers[&1].as_ref().unwrap(), &Ok("user 1".into()));
    assert_eq!(answers[&404].as_ref().unwrap(), &Err(not_found(404)));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_aborts_its_tasks() {
    let site = users();
    let mut answers = Box::pin(on_tasks([1, 2, 3, 1, 2], THREE, user_from(&site)));
    assert_eq!(answers.next().await.unwrap().0, 2);
    drop(answers);
    assert_eq!(site.load().in_flight, 2, "aborting is a request");
    yield_now().await;
    let load = Load { calls: 3, in_flight: 0, peak: 3, answered: 1, dropped: 2 };
    assert_eq!(site.load(), load);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_for_a_task_loses_nothing() {
    let site = users();
    let mut answers = pin!(on_tasks([1, 2, 3], THREE, user_from(&site)));
    for _ in 0..2 {
        assert!(timeout(ms(4), answers.next()).await.is_err());
    }
    let ids: Vec<_> = answers.map(|(id, _)| id).collect().await;
    assert_eq!(ids, [2, 3, 1]);
    assert_eq!(site.load().calls, 3);
}

// What a drop loses.

#[tokio::test(start_paused = true)]
async fn a_dropped_task_set_loses_finished_answers() {
    let (done, results) = (Arc::new(AtomicUsize::new(0)), Alive::default());
    let mut answers = Box::pin(on_tasks([10, 20, 30], THREE, |after| {
        let (done, results) = (Arc::clone(&done), results.clone());
        async move {
            sleep(ms(after)).await;
            done.fetch_add(1, Ordering::SeqCst);
            results.guard()
        }
    }));
    let taken = answers.next().await;
    sleep(ms(100)).await;
    assert_eq!((done.load(Ordering::SeqCst), results.count()), (3, 3));
    drop(answers);
    assert_eq!((done.load(Ordering::SeqCst), results.count()), (3, 1));
    drop(taken);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_buffer_loses_finished_answers() {
    let (done, results) = (AtomicUsize::new(0), Alive::default());
    let work = |after| {
        let (done, results) = (&done, results.clone());
        async move {
            sleep(ms(after)).await;
            done.fetch_add(1, Ordering::SeqCst);
            results.guard()
        }
    };
    let mut ordered = Box::pin(stream::iter([100, 10, 20]).map(work).buffered(3));
    assert!(timeout(ms(50), ordered.next()).await.is_err());
    assert_eq!((done.load(Ordering::SeqCst), results.count()), (2, 2));
    drop(ordered);
    assert_eq!((done.load(Ordering::SeqCst), results.count()), (2, 0));
}

// A deadline over many.

/// Answers 1 to 10 after 10 to 100 ms.
async fn tenth(id: u64) -> u64 {
    sleep(ms(id * 10)).await;
    id
}
const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();

#[tokio::test(start_paused = true)]
async fn what_came_before_the_deadline_is_kept() {
    let start = Instant::now();
    let kept = before(start + ms(35), as_they_come(1..=10, TEN, tenth)).await;
    assert_eq!(kept, [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(start.elapsed(), ms(35));
    let all = before(start + ms(3_500), as_they_come(1..=10, TEN, tenth)).await;
    assert_eq!((all.len(), start.elapsed()), (10, ms(135)));
}

#[tokio::test(start_paused = true)]
async fn what_came_too_late_is_dropped_at_the_deadline() {
    let site = users();
    before(Instant::now() + ms(15), as_they_come([1, 2, 3], THREE, user_from(&site)))
        .await;
    let load = Load { calls: 3, in_flight: 0, peak: 3, answered: 1, dropped: 2 };
    assert_eq!(site.load(), load);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_what_is_ready_is_kept() {
    let deadline = Instant::now() + ms(35);
    let mut answers = Box::pin(on_tasks(1..=10, TEN, tenth));
    assert_eq!(answers.next().await.unwrap().0, 1);
    sleep(ms(40)).await;
    // Now it is 50 ms: the deadline is over, and 2 to 4 wait in the set.
    let kept = before(deadline, answers).await;
    assert_eq!(kept.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [2, 3, 4]);
    // Nor does a deadline stop what never has to wait: this ends by itself.
    let supply = stream::iter(0..100_000);
    assert_eq!(before(deadline, supply).await.len(), 100_000);
}

#[tokio::test(start_paused = true)]
async fn take_until_keeps_what_was_taken_but_not_what_is_ready() {
    let answers = as_they_come(1..=10, TEN, tenth);
    let kept: Vec<_> = answers.take_until(sleep(ms(35))).collect().await;
    assert_eq!(kept, [(1, 1), (2, 2), (3, 3)]);

    let mut answers = Box::pin(on_tasks(1..=10, TEN, tenth));
    assert_eq!(answers.next().await.unwrap().0, 1);
    sleep(ms(40)).await;
    assert_eq!(answers.take_until(async {}).count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_over_join_all_throws_finished_answers_away() {
    let done = AtomicUsize::new(0);
    let work = |id| tenth(id).inspect(|_| _ = done.fetch_add(1, Ordering::SeqCst));
    assert_eq!(naive::all_within(ms(35), 1..=10, work).await, None);
    assert_eq!(done.load(Ordering::SeqCst), 3);
    assert_eq!(naive::all_within(ms(105), 1..=10, tenth).await.unwrap().len(), 10);
}

// The stall.

/// A page in two steps, of 100 ms each; gives the time between the steps.
fn two_steps(
    site: &Site,
) -> impl Fn(u64) -> BoxFuture<'static, Duration> + Clone + use<> {
    let site = site.clone();
    move |_| {
        let site = site.clone();
        async move {
            site.fetch("/head").await.unwrap();
            let head = Instant::now();
            site.fetch("/body").await.unwrap();
            head.elapsed()
        }
        .boxed()
    }
}

fn two_step_site() -> Site {
    Site::default().with_page("/head", ms(100)).with_page("/body", ms(100))
}

/// Stores a gap, which takes a second.
fn into(
    gaps: &mpsc::UnboundedSender<Duration>,
) -> impl Fn(Duration) -> Stored + Clone + use<> {
    let gaps = gaps.clone();
    move |gap| {
        let gaps = gaps.clone();
        Box::pin(async move {
            sleep(ms(1_000)).await;
            gaps.send(gap).unwrap();
        })
    }
}
type Stored = BoxFuture<'static, ()>;

async fn all_from(mut gaps: mpsc::UnboundedReceiver<Duration>) -> Vec<Duration> {
    gaps.close();
    let mut all = Vec::new();
    while let Some(gap) = gaps.recv().await {
        all.push(gap);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn fetches_stall_while_the_loop_stores() {
    let (sender, gaps) = mpsc::unbounded_channel();
    let start = Instant::now();
    let fetch = two_steps(&two_step_site());
    naive::store_in_the_loop(0..6, THREE, fetch, into(&sender)).await;
    let gaps: Vec<_> = all_from(gaps).await.iter().map(Duration::as_millis).collect();
    assert_eq!(gaps, [100, 1_100, 2_100, 100, 1_100, 2_100]);
    assert_eq!(start.elapsed(), ms(6_400));
}

#[tokio::test(start_paused = true)]
async fn the_next_request_of_a_fetch_is_sent_late() {
    let start = Instant::now();
    let second_sent = std::sync::Mutex::new(Vec::new());
    let fetch = async |id| {
        sleep(if id == 0 { ms(100) } else { ms(250) }).await;
        second_sent.lock().unwrap().push(start.elapsed());
        sleep(ms(100)).await;
    };
    let store = |()| sleep(ms(1_000));
    naive::store_in_the_loop(0..2, THREE, fetch, store).await;
    assert_eq!(second_sent.into_inner().unwrap(), [100, 1_200].map(ms), "not 250");
}

#[tokio::test(start_paused = true)]
async fn stored_inside_no_fetch_stalls() {
    let (sender, gaps) = mpsc::unbounded_channel();
    let start = Instant::now();
    let site = two_step_site();
    fetch_and_store(0..6, THREE, two_steps(&site), into(&sender)).await;
    assert_eq!(all_from(gaps).await, [ms(100); 6]);
    assert_eq!((start.elapsed(), site.load().peak), (ms(2 * 1_200), 3));
}

#[tokio::test(start_paused = true)]
async fn no_more_fetches_are_made_than_are_in_flight() {
    let (made, stored) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let fetch = |id: u64| {
        let made = made.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(made <= stored.load(Ordering::SeqCst) + 2, "one too many");
        sleep(ms(id)).map(move |()| id)
    };
    let store = |_| {
        let stored = &stored;
        async move {
            sleep(ms(10)).await;
            stored.fetch_add(1, Ordering::SeqCst);
        }
    };
    fetch_and_store(0..100, TWO, fetch, store).await;
    assert_eq!((made.into_inner(), stored.into_inner()), (100, 100));
}

#[tokio::test(start_paused = true)]
async fn dropped_before_it_is_stored_a_page_is_lost() {
    let (sender, gaps) = mpsc::unbounded_channel();
    let site = two_step_site();
    let pieces = fetch_and_store(0..6, THREE, two_steps(&site), into(&sender));
    timeout(ms(1_700), pieces).await.unwrap_err();
    // Six pages are fetched, three of them stored.
    let load = Load { calls: 12, peak: 3, answered: 12, ..Load::default() };
    assert_eq!((all_from(gaps).await.len(), site.load()), (3, load));
}

#[tokio::test(start_paused = true)]
async fn all_work_inside_the_buffered_future_does_not_stall() {
    let (sender, gaps) = mpsc::unbounded_channel();
    let (fetch, store) = (two_steps(&two_step_site()), into(&sender));
    let fetch_and_store = |id| {
        let (fetched, store) = (fetch(id), store.clone());
        async move { store(fetched.await).await }
    };
    let start = Instant::now();
    let mut stored = pin!(stream::iter(0..6).map(fetch_and_store).buffered(3));
    while stored.next().await.is_some() {}
    assert_eq!(all_from(gaps).await, [ms(100); 6]);
    assert_eq!(start.elapsed(), ms(2 * 1_200));
}

#[tokio::test(start_paused = true)]
async fn a_buffer_before_for_each_concurrent_stalls_as_well() {
    let (sender, gaps) = mpsc::unbounded_channel();
    let fetched = stream::iter(0..3).map(two_steps(&two_step_site())).buffered(3);
    fetched.for_each_concurrent(1, into(&sender)).await;
    assert_eq!(all_from(gaps).await, [ms(100), ms(1_100), ms(2_100)]);
}

#[tokio::test(start_paused = true)]
async fn on_tasks_no_fetch_stalls() {
    let (sender, gaps) = mpsc::unbounded_channel();
    let start = Instant::now();
    let store = into(&sender);
    let mut fetched = pin!(on_tasks(0..6, THREE, two_steps(&two_step_site())));
    while let Some((_, gap)) = fetched.next().await {
        store(gap.unwrap()).await;
    }
    assert_eq!(all_from(gaps).await, [ms(100); 6]);
    assert_eq!(start.elapsed(), ms(6_200));
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_holds_the_tasks_back() {
    let site = two_step_site();
    let mut fetched = pin!(on_tasks(0..100, THREE, two_steps(&site)));
    for taken in 1..=5 {
        fetched.next().await.unwrap().1.unwrap();
        sleep(ms(10_000)).await;
        assert_eq!(site.calls("/head"), 2 + taken, "three are out, finished or not");
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_that_send_into_a_bounded_channel_do_not_stall() {
    let (sender, gaps) = mpsc::unbounded_channel();
    let (fetch, store) = (two_steps(&two_step_site()), into(&sender));
    let (outbox, mut inbox) = mpsc::channel(1);
    let mut fetching = JoinSet::new();
    fetching.spawn(async move {
        let send = |id| {
            let (fetched, outbox) = (fetch(id), outbox.clone());
            async move { outbox.send(fetched.await).await.unwrap() }
        };
        on_tasks(0..6, THREE, send).for_each(|(_, sent)| async { sent.unwrap() }).await;
    });
    while let Some(gap) = inbox.recv().await {
        store(gap).await;
    }
    assert_eq!(all_from(gaps).await, [ms(100); 6]);
}

// The naive set, and what the libraries do.

#[tokio::test(start_paused = true)]
async fn unbounded_all_ten_thousand_are_in_flight_at_once() {
    let site = Site::default().with_page("/", ms(100));
    naive::fetch_all(0..10_000, |_| site.fetch("/")).await;
    assert_eq!(site.load().peak, 10_000);
}

#[tokio::test(start_paused = true)]
async fn without_ids_every_answer_goes_to_the_wrong_user() {
    let ids = [1, 2, 3];
    let answers = naive::fetch_all(ids, user_from(&users())).await;
    let pairs: Vec<_> =
        ids.into_iter().zip(answers.into_iter().map(Result::unwrap)).collect();
    let expected = [(1, "user 2"), (2, "user 3"), (3, "user 1")];
    assert_eq!(pairs, expected.map(|(id, user)| (id, user.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn join_all_starts_all_at_once_and_keeps_the_order() {
    for count in [3, 300] {
        let site = users();
        let ids = [1, 2, 3].into_iter().cycle().take(count);
        let answers = join_all(ids.clone().map(user_from(&site))).await;
        let expected: Vec<_> = ids.map(|id| Ok(format!("user {id}"))).collect();
        assert_eq!((answers, site.load().peak), (expected, count));
    }
}

#[tokio::test(start_paused = true)]
async fn over_thirty_join_all_polls_only_who_was_woken() {
    async fn polls_of(ids: impl Iterator<Item = u64>) -> usize {
        let polls = AtomicUsize::new(0);
        join_all(ids.map(|id| {
            let (polls, mut work) = (&polls, Box::pin(sleep(ms(id))));
            poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::SeqCst);
                work.poll_unpin(cx)
            })
        }))
        .await;
        polls.into_inner()
    }
    let all_that_wait = 30 + 30 * 31 / 2;
    assert_eq!(polls_of(1..=30).await, all_that_wait, "at each wake");
    assert_eq!(polls_of(1..=31).await, 31 + 31, "each at its start and at its end");
    // What the iterator says counts, not how many come.
    let two_of = |most: u64| (1..=most).filter(|id| *id <= 2);
    assert_eq!(polls_of(two_of(30)).await, 2 + 2 + 1);
    assert_eq!(polls_of(two_of(31)).await, 2 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_set_of_futures_can_grow_while_it_runs() {
    let mut in_flight: FuturesUnordered<_> = [tenth(1)].into_iter().collect();
    let mut came = Vec::new();
    while let Some(id) = in_flight.next().await {
        came.push(id);
        if id < 4 {
            in_flight.extend([tenth(id * 2), tenth(id * 2 + 1)]);
        }
    }
    assert_eq!(came, [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test(start_paused = true)]
async fn a_join_queue_answers_in_order_tells_panics_and_aborts() {
    let site = users();
    let fetch = user_from(&site);
    let mut queue = JoinQueue::new();
    for id in [1, 2, 3] {
        queue.spawn(fetch(id));
    }
    for id in [1, 2] {
        let answer = queue.join_next().await.unwrap().unwrap();
        assert_eq!(answer, Ok(format!("user {id}")));
    }
    queue.spawn(async { panic!("as the test wants") });
    assert_eq!(queue.join_next().await.unwrap().unwrap().unwrap().len(), 6, "user 3");
    assert!(queue.join_next().await.unwrap().unwrap_err().is_panic());
    queue.spawn(fetch(1));
    yield_now().await;
    drop(queue);
    yield_now().await;
    assert_eq!(site.load().dropped, 1);
}

#[tokio::test(start_paused = true)]
async fn zero_lifts_the_limit_of_for_each_concurrent() {
    let site = Site::default().with_page("/", ms(1));
    let fetch = |_| site.fetch("/").map(drop);
    stream::iter(0..100).for_each_concurrent(0, fetch).await;
    assert_eq!(site.load().peak, 100);
}
