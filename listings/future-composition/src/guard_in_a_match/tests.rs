use super::*;
use backend::{Site, cancel};
use futures::FutureExt;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn is_stuck(future: impl Future) -> bool {
    timeout(HOUR, future).await.is_err()
}

/// A service that needs 10 ms for a number.
fn numbers() -> Site {
    Site::default().with_page("a", ms(10))
}

/// Loads a number in 10 ms, and counts how often.
fn loader(
    site: &Site,
) -> impl Fn() -> futures::future::BoxFuture<'static, Result<u32, ()>> {
    let site = site.clone();
    move || site.fetch("a").map(|page| page.map(|_| 7).map_err(drop)).boxed()
}

#[tokio::test(start_paused = true)]
async fn a_guard_in_the_scrutinee_of_a_match_stops_its_arms() {
    let (site, slot) = (numbers(), Mutex::new(None));
    assert!(is_stuck(naive::load_once(&slot, loader(&site))).await);
    assert_eq!(site.load().answered, 1, "it was loaded, and could not be kept");
    *slot.lock().await = Some(8);
    assert_eq!(naive::load_once(&slot, loader(&site)).await, Ok(8));
}

#[tokio::test(start_paused = true)]
async fn a_guard_in_while_let_stops_its_body() {
    let (sender, reader) = mpsc::channel(2);
    sender.try_send("job").unwrap();
    let reader = Mutex::new(reader);
    let stuck = async {
        while let Some(_job) = reader.lock().await.recv().await {
            reader.lock().await.close();
        }
    };
    assert!(is_stuck(stuck).await);
}

#[tokio::test(start_paused = true)]
async fn in_edition_2024_if_let_lets_go_before_else() {
    let slot = Mutex::new(None);
    let relock = async {
        if let Some(value) = *slot.lock().await {
            value
        } else {
            *slot.lock().await = Some(7);
            7
        }
    };
    assert!(!is_stuck(relock).await);
    assert_eq!(*slot.lock().await, Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_value_is_loaded_once_and_those_who_come_meanwhile_wait() {
    let (site, slot, start) = (numbers(), Mutex::new(None), Instant::now());
    let both =
        tokio::join!(load_once(&slot, loader(&site)), load_once(&slot, loader(&site)),);
    assert_eq!((both, start.elapsed()), ((Ok(7), Ok(7)), ms(10)));
    assert_eq!(site.calls("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_leaves_the_slot_empty() {
    let slot = Mutex::new(None::<u32>);
    assert_eq!(load_once(&slot, loader(&Site::default())).await, Err(()));
    assert_eq!(load_once(&slot, loader(&numbers())).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_load_leaves_the_slot_empty_and_unlocked() {
    let (site, slot) = (numbers(), Mutex::new(None));
    let points = cancel::at_every_await(
        || load_once(&slot, loader(&site)),
        |_, loaded| {
            let slot = slot.try_lock().unwrap();
            assert_eq!(slot.is_some(), loaded.is_some());
        },
    );
    assert_eq!(points.await, 2, "before the first poll, and while it loads");
}

#[tokio::test(start_paused = true)]
async fn loading_can_be_spawned() {
    let slot = Mutex::new(None);
    let all = async move { load_once(&slot, loader(&numbers())).await };
    assert_eq!(tokio::spawn(all).await.unwrap(), Ok(7));
}

/// Four jobs, and then the end.
fn four_jobs() -> Mutex<mpsc::Receiver<u32>> {
    let (sender, jobs) = mpsc::channel(4);
    for job in 1..=4 {
        sender.try_send(job).unwrap();
    }
    Mutex::new(jobs)
}

#[tokio::test(start_paused = true)]
async fn with_while_let_two_workers_work_in_turn() {
    let (jobs, start) = (four_jobs(), Instant::now());
    let handle = |_| sleep(ms(10));
    tokio::join!(naive::work(&jobs, handle), naive::work(&jobs, handle));
    assert_eq!(start.elapsed(), ms(40));
    let (jobs, start) = (four_jobs(), Instant::now());
    tokio::join!(work(&jobs, handle), work(&jobs, handle));
    assert_eq!(start.elapsed(), ms(20));
}

#[tokio::test(start_paused = true)]
async fn each_job_is_handled_once_and_the_end_ends_the_work() {
    let (jobs, mut handled) = (four_jobs(), Vec::new());
    work(&jobs, |job| {
        handled.push(job);
        sleep(ms(10))
    })
    .await;
    assert_eq!(handled, [1, 2, 3, 4]);
    let (other, jobs) = (four_jobs(), four_jobs());
    tokio::spawn(async move { work(&other, |_| sleep(ms(10))).await }).await.unwrap();
    timeout(ms(15), work(&jobs, |_| sleep(ms(10)))).await.unwrap_err();
    let mut left = jobs.into_inner();
    assert_eq!((left.recv().await, left.recv().await), (Some(3), Some(4)));
}

#[tokio::test(start_paused = true)]
async fn a_guard_in_the_head_of_for_stops_its_body() {
    let list = Mutex::new(vec![1]);
    let stuck = async {
        for _ in list.lock().await.iter() {
            list.lock().await.len();
        }
    };
    assert!(is_stuck(stuck).await);
}

#[tokio::test(start_paused = true)]
async fn a_guard_in_the_condition_of_if_is_gone_in_its_block() {
    let list = Mutex::new(vec![1]);
    let relock = async {
        if list.lock().await.len() == 1 {
            list.lock().await.push(2);
        }
    };
    assert!(!is_stuck(relock).await);
    assert_eq!(*list.lock().await, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn with_let_else_the_guard_is_gone_after_it_and_in_else() {
    let slot = Mutex::new(None);
    let relock = async {
        let Some(value) = *slot.lock().await else {
            *slot.lock().await = Some(7);
            return 0;
        };
        *slot.lock().await = Some(value + 1);
        value
    };
    assert_eq!(timeout(HOUR, relock).await, Ok(0));
    let relock = async {
        let Some(value) = *slot.lock().await else { return 0 };
        *slot.lock().await = Some(value + 1);
        value
    };
    assert_eq!(timeout(HOUR, relock).await, Ok(7));
    assert_eq!(*slot.lock().await, Some(8));
}
