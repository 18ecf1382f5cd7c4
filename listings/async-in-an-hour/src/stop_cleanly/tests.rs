use super::*;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What was done, in this order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    /// Writes a photo, which needs 40 ms.
    async fn save(&self, photo: u32) {
        self.add(format!("{photo} begun"));
        sleep(ms(40)).await;
        self.add(format!("{photo} saved"));
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

async fn save_photos(stop: CancellationToken, log: Log) {
    let mut photo = 1;
    while !stop.is_cancelled() {
        log.save(photo).await;
        photo += 1;
    }
}

/// Runs `main` as `#[tokio::main]` does, with what `start_paused` adds: the runtime is dropped when `main` ends.
fn run<T>(main: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
    let ended = runtime.unwrap().block_on(async { timeout(ms(10_000), main).await });
    ended.expect("the task stops when it is asked")
}

const TWO: [&str; 4] = ["1 begun", "1 saved", "2 begun", "2 saved"];

#[test]
fn asked_and_awaited_a_task_saves_the_photo_that_it_has_begun() {
    let log = Log::default();
    run(async {
        let (start, stop) = (Instant::now(), CancellationToken::new());
        let task = tokio::spawn(save_photos(stop.clone(), log.clone()));
        sleep(ms(50)).await;
        stop_and_wait(stop, task).await.unwrap();
        assert_eq!(start.elapsed(), ms(80), "when the second photo is saved");
        assert_eq!(log.lines(), TWO);
    });
    assert_eq!(log.lines(), TWO, "it does not begin a third one");
}

#[test]
fn asked_and_not_awaited_a_task_is_cut_by_the_end_of_main() {
    let log = Log::default();
    run(async {
        let stop = CancellationToken::new();
        let task = tokio::spawn(save_photos(stop.clone(), log.clone()));
        sleep(ms(50)).await;
        naive::stop_and_wait(stop, task).await.unwrap();
    });
    assert_eq!(log.lines(), TWO[..3]);
}

#[test]
fn aborted_a_task_is_cut_at_its_await() {
    let log = Log::default();
    run(async {
        let task = tokio::spawn(save_photos(CancellationToken::new(), log.clone()));
        sleep(ms(50)).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        sleep(ms(1_000)).await;
    });
    assert_eq!(log.lines(), TWO[..3]);
}

async fn save_each(mut photos: mpsc::Receiver<u32>, stop: CancellationToken, log: Log) {
    while let Some(Some(photo)) = stop.run_until_cancelled(photos.recv()).await {
        log.save(photo).await;
    }
}

#[test]
fn asked_while_it_waits_for_a_photo_a_task_ends_at_once() {
    run(async {
        let (log, stop, start) =
            (Log::default(), CancellationToken::new(), Instant::now());
        let (sender, photos) = mpsc::channel(8);
        sender.send(1).await.unwrap();
        let task = tokio::spawn(save_each(photos, stop.clone(), log.clone()));
        sleep(ms(100)).await;
        stop_and_wait(stop, task).await.unwrap();
        assert_eq!((start.elapsed(), log.lines().len()), (ms(100), 2));
    });
}

#[test]
fn asked_while_it_saves_a_task_saves_this_photo_and_takes_no_other() {
    run(async {
        let (log, stop, start) =
            (Log::default(), CancellationToken::new(), Instant::now());
        let (sender, photos) = mpsc::channel(8);
        for photo in 1..=5 {
            sender.send(photo).await.unwrap();
        }
        let task = tokio::spawn(save_each(photos, stop.clone(), log.clone()));
        sleep(ms(50)).await;
        stop_and_wait(stop, task).await.unwrap();
        assert_eq!(
            (start.elapsed(), log.lines()),
            (ms(80), TWO.map(String::from).into())
        );
    });
}
