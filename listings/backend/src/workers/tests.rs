use super::*;
use futures::future::join_all;
use tokio::time::{sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test(start_paused = true)]
async fn jobs_wait_for_a_worker_and_no_two_end_in_one_millisecond() {
    let (workers, start) = (Workers::new(2, ms(100)), Instant::now());
    let jobs = (0..4).map(|_| {
        let job = workers.job();
        async move {
            job.await;
            start.elapsed().as_millis()
        }
    });
    assert_eq!(join_all(jobs).await, [100, 102, 200, 202]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_nobody_waits_for_is_done_all_the_same() {
    let (workers, start) = (Workers::new(1, ms(100)), Instant::now());
    timeout(ms(50), workers.job()).await.unwrap_err();
    workers.job().await;
    assert_eq!(start.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn workers_that_are_not_kept_finish_their_jobs_and_begin_no_others() {
    let (workers, start) = (Workers::new(2, ms(100)), Instant::now());
    let both = [workers.job(), workers.job()];
    workers.keep(1);
    sleep(ms(1)).await;
    let third = workers.job();
    join_all(both).await;
    assert_eq!(start.elapsed(), ms(102));
    third.await;
    assert_eq!(start.elapsed(), ms(200));
}
