use std::time::Duration;

use backend::script::closing;
use backend::{Alive, ends};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::*;

/// A shop whose lines come at these times, in milliseconds from now.
fn shop(lines: [(u64, &str); 2]) -> mpsc::Receiver<String> {
    closing(lines.map(|(at, line)| (at, line.to_owned())))
}

/// The town's order is half read when the order of the web is whole.
fn town() -> mpsc::Receiver<String> {
    shop([(10, "tea"), (40, "2")])
}

fn web() -> mpsc::Receiver<String> {
    shop([(20, "milk"), (30, "1")])
}

#[tokio::test(start_paused = true)]
async fn with_select_an_order_that_is_half_read_is_lost() {
    let mut written = Vec::new();
    ends(naive::selected(town(), web(), |order| written.push(order))).await;
    assert_eq!(written, ["1 x milk"]);
}

#[tokio::test(start_paused = true)]
async fn merged_both_orders_are_whole() {
    let mut written = Vec::new();
    ends(merged(town(), web(), |order| written.push(order))).await;
    assert_eq!(written, ["1 x milk", "2 x tea"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_dropped_next_a_merged_stream_loses_no_message() {
    let mut all = pin!(orders(town()).merge(orders(web())));
    let (mut written, mut dropped) = (Vec::new(), 0);
    loop {
        match timeout(Duration::from_millis(7), all.next()).await {
            Ok(Some(order)) => written.push(order),
            Ok(None) => break,
            Err(_) => dropped += 1,
        }
    }
    assert_eq!(written, ["1 x milk", "2 x tea"]);
    assert_eq!(dropped, 5); // after 7, 14, 21, 28 and 37 ms
}

#[tokio::test(start_paused = true)]
async fn one_queue_has_the_orders_of_all_shops_and_ends_with_the_last() {
    let start = Instant::now();
    let mut queue = one_queue(vec![town(), web(), shop([(50, "ham"), (60, "3")])]);
    let mut written = Vec::new();
    while let Some(order) = ends(queue.recv()).await {
        written.push((start.elapsed().as_millis(), order));
    }
    let wanted = [(30, "1 x milk"), (40, "2 x tea"), (60, "3 x ham")];
    assert_eq!(written, wanted.map(|(at, order)| (at, order.to_owned())));
    assert_eq!(start.elapsed().as_millis(), 60);
}

#[tokio::test(start_paused = true)]
async fn one_queue_holds_16_orders_and_then_the_shops_wait() {
    let (sender, lines) = mpsc::channel(100);
    for _ in 0..20 {
        sender.try_send("tea".to_owned()).unwrap();
        sender.try_send("2".to_owned()).unwrap();
    }
    let queue = one_queue(vec![lines]);
    sleep(Duration::from_millis(1)).await;
    // The task holds one order more, and waits in `send`: three orders are not read.
    assert_eq!((queue.len(), sender.max_capacity() - sender.capacity()), (16, 6));
}

#[tokio::test(start_paused = true)]
async fn when_the_desk_is_gone_the_tasks_of_one_queue_end() {
    let (sender, lines) = mpsc::channel(16);
    let queue = one_queue(vec![lines]);
    drop(queue);
    for line in ["tea", "2", "milk", "1"] {
        // The first order is read and finds no desk; then the task ends, and drops the shop's receiver.
        let _ = sender.send(line.to_owned()).await;
    }
    ends(sender.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_desk_leaves_the_rest_in_the_queue() {
    let (sender, mut queue) = mpsc::channel(16);
    tokio::spawn(async move {
        for n in 1..=4 {
            sleep(Duration::from_millis(10)).await;
            let _ = sender.send(format!("{n} x tea")).await;
        }
    });
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(25)).await;
        asked.cancel();
    });
    let mut written = Vec::new();
    let start = Instant::now();
    assert!(ends(until_stopped(&mut queue, &stop, |order| written.push(order))).await);
    assert_eq!(start.elapsed().as_millis(), 25);
    assert_eq!(written, ["1 x tea", "2 x tea"]);
    // The rest comes when it is asked for.
    assert_eq!(ends(queue.recv()).await.as_deref(), Some("3 x tea"));
    assert_eq!(ends(queue.recv()).await.as_deref(), Some("4 x tea"));
}

#[tokio::test(start_paused = true)]
async fn without_a_stop_a_desk_works_to_the_end_of_its_queue() {
    let mut queue = one_queue(vec![town(), web()]);
    let mut written = Vec::new();
    let stop = CancellationToken::new();
    assert!(!ends(until_stopped(&mut queue, &stop, |order| written.push(order))).await);
    assert_eq!(written, ["1 x milk", "2 x tea"]);
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_was_stopped_before_writes_nothing() {
    let (sender, mut queue) = mpsc::channel(16);
    sender.send("1 x tea".to_owned()).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let stopped = until_stopped(&mut queue, &stop, |order| panic!("{order}"));
    assert!(ends(stopped).await);
    assert_eq!(queue.recv().await.as_deref(), Some("1 x tea"));
}

#[tokio::test(start_paused = true)]
async fn five_hundred_that_wait_for_an_answer_wait_after_an_hour_too() {
    let alive = Alive::default();
    let (mut questions, mut waiting) = (Vec::new(), JoinSet::new());
    for _ in 0..500 {
        let (answer, stock) = oneshot::channel::<u32>();
        questions.push(answer); // the warehouse takes the question
        let customer = alive.guard();
        waiting.spawn(async move {
            let _customer = customer;
            stock.await
        });
    }
    assert!(timeout(Duration::from_hours(1), waiting.join_next()).await.is_err());
    assert_eq!(alive.count(), 500);
    drop(questions); // and only now they hear something
    assert!(waiting.join_all().await.iter().all(Result::is_err));
}
