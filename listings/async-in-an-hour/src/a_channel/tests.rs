use super::*;
use backend::Alive;
use std::time::Duration;
use tokio::sync::mpsc::error::SendError;
use tokio::time::{Instant, sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Sends one order after `millis`.
async fn waiter(name: &'static str, millis: u64, sender: mpsc::Sender<String>) {
    sleep(ms(millis)).await;
    sender.send(name.to_owned()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_loop_ends_when_the_last_sender_is_dropped() {
    let start = Instant::now();
    let orders = timeout(Duration::from_hours(1), all_orders(waiter)).await.unwrap();
    assert_eq!(orders, ["Ann", "Bob"]);
    assert_eq!(start.elapsed(), ms(30), "when Bob is done");
}

#[tokio::test(start_paused = true)]
async fn while_main_has_a_sender_the_loop_waits_for_ever() {
    let orders = timeout(Duration::from_hours(1), naive::all_orders(waiter));
    orders.await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_in_the_channel_come_before_its_end() {
    let (sender, mut receiver) = mpsc::channel(8);
    sender.send("soup").await.unwrap();
    sender.send("fish").await.unwrap();
    drop(sender);
    assert_eq!(receiver.recv().await, Some("soup"));
    assert_eq!(receiver.recv().await, Some("fish"));
    assert_eq!(receiver.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_full_channel_makes_the_sender_wait_for_the_reader() {
    let (sender, mut receiver) = mpsc::channel(1);
    let start = Instant::now();
    let sending = tokio::spawn(async move {
        let mut sent = Vec::new();
        for order in 1..=4 {
            sender.send(order).await.unwrap();
            sent.push(start.elapsed());
        }
        sent
    });
    sleep(ms(5)).await;
    while receiver.recv().await.is_some() {
        sleep(ms(100)).await;
    }
    assert_eq!(sending.await.unwrap(), [ms(0), ms(5), ms(105), ms(205)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_receiver_send_gives_the_order_back() {
    let (sender, receiver) = mpsc::channel(8);
    drop(receiver);
    assert_eq!(sender.send("cake").await, Err(SendError("cake")));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_goes_away_wakes_a_sender_that_waits_for_room() {
    let (sender, receiver) = mpsc::channel(1);
    sender.send("soup").await.unwrap();
    let waiting = tokio::spawn(async move { sender.send("cake").await });
    sleep(ms(10)).await;
    drop(receiver);
    assert_eq!(waiting.await.unwrap(), Err(SendError("cake")));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_channel_is_dropped_with_the_receiver() {
    let alive = Alive::default();
    let (sender, receiver) = mpsc::channel(8);
    sender.send(alive.guard()).await.ok().unwrap();
    assert_eq!(alive.count(), 1);
    drop(receiver);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_of_a_waiter_the_loop_ends_as_if_all_was_well() {
    let orders = all_orders(|name, millis, sender| async move {
        assert_ne!(name, "Ann", "Ann panics");
        waiter(name, millis, sender).await;
    });
    let orders = timeout(Duration::from_hours(1), orders).await;
    assert_eq!(orders, Ok(vec!["Bob".to_owned()]));
}
