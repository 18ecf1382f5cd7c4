use super::*;
use backend::cancel;
use backend::channels::{ended, every, filled};
use futures::StreamExt;
use std::future;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, interval};

const SECOND: Duration = Duration::from_secs(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What another branch of `select!` does to a future that waits: polls it once, and
/// drops it.
async fn lose<F: Future>(future: F) {
    assert!(cancel::after_polls(1, future).await.is_none(), "it waits");
}

const SHOP: [&str; 6] = ["tea", "1", "milk", "2", "bread", "3"];

#[tokio::test(start_paused = true)]
async fn a_tick_drops_half_an_order() {
    let mut messages = every(ms(30), SHOP);
    let (start, mut ticks) = (Instant::now(), interval(ms(100)));
    let mut seen = Vec::new();
    while start.elapsed() < SECOND {
        select! {
            order = next_order(&mut messages) => seen.push(order.unwrap()),
            _ = ticks.tick() => {}
        }
    }
    assert_eq!(seen, ["1 x tea", "bread x 2"]);
}

/// All messages are there. `orders` gets pairs of the same word, and `chat` wins some rounds.
/// How many orders were made of halves of two.
async fn wrong_orders(mut next: impl AsyncFnMut() -> Option<String>) -> usize {
    let (_open, mut chat) = filled(vec![(); 30_000]);
    let mut wrong = 0;
    loop {
        select! {
            order = next() => match order {
                Some(order) => wrong += usize::from(!["a x a", "b x b"].contains(&&*order)),
                None => return wrong,
            },
            Some(()) = chat.recv() => {}
        }
    }
}

const PAIRS: usize = 5_000;

fn pairs() -> mpsc::Receiver<&'static str> {
    let messages: Vec<_> = (0..PAIRS).flat_map(|_| ["a", "a", "b", "b"]).collect();
    ended(messages)
}

#[tokio::test]
async fn half_an_order_may_be_lost_though_each_message_is_there() {
    let mut messages = pairs();
    let wrong = wrong_orders(async || next_order(&mut messages).await).await;
    assert!(wrong > 0, "the task had no budget left for the second message");
    let mut orders = pin!(all_orders(pairs()));
    assert_eq!(wrong_orders(async || orders.next().await).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_half_an_order() {
    let mut orders = pin!(all_orders(every(ms(30), SHOP)));
    let (start, mut ticks) = (Instant::now(), interval(ms(100)));
    let mut seen = Vec::new();
    while start.elapsed() < SECOND {
        select! {
            order = orders.next() => seen.push(order.unwrap()),
            _ = ticks.tick() => {}
        }
    }
    assert_eq!(seen, ["1 x tea", "2 x milk", "3 x bread"]);
}

#[tokio::test(start_paused = true)]
async fn orders_end_with_their_channel_and_half_an_order_is_none() {
    let orders = all_orders(ended(["tea", "1", "milk"]));
    assert_eq!(orders.collect::<Vec<_>>().await, ["1 x tea"]);
    let mut messages = ended([]);
    assert_eq!(next_order(&mut messages).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_loses_to_a_timer_loses_its_order() {
    let (sender, mut orders) = mpsc::channel(1);
    sender.send("first").await.unwrap();
    for order in ["tea", "milk", "bread"] {
        assert!(!naive::offer(&sender, order, ms(10)).await);
    }
    assert_eq!(orders.recv().await, Some("first"));
    assert_eq!(orders.try_recv(), Err(TryRecvError::Empty), "three of three are lost");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_finds_no_place_comes_back() {
    let (sender, mut orders) = mpsc::channel(1);
    sender.send("first").await.unwrap();
    let start = Instant::now();
    let full = offer(&sender, "tea", ms(10)).await;
    assert_eq!(
        (full, start.elapsed()),
        (Err(SendTimeoutError::Timeout("tea")), ms(10))
    );
    let (sent, first) = tokio::join!(offer(&sender, "tea", ms(10)), async {
        sleep(ms(5)).await;
        orders.recv().await
    });
    assert_eq!((sent, first), (Ok(()), Some("first")));
    assert_eq!(orders.recv().await, Some("tea"));
    for _ in 0..200 {
        assert_eq!(offer(&sender, "milk", ms(0)).await, Ok(()), "there is a place");
        assert_eq!(orders.recv().await, Some("milk"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_nobody_reads_comes_back_at_once() {
    let (sender, orders) = mpsc::channel(1);
    drop(orders);
    let start = Instant::now();
    let closed = offer(&sender, "tea", SECOND).await;
    assert_eq!(closed, Err(SendTimeoutError::Closed("tea")));
    assert_eq!(
        start.elapsed(),
        ms(0),
        "not after the limit, and not as a full channel"
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_at_its_await_an_offer_has_sent_nothing() {
    let (sender, mut orders) = mpsc::channel(1);
    sender.send("first").await.unwrap();
    lose(offer(&sender, "tea", SECOND)).await;
    assert_eq!(orders.recv().await, Some("first"));
    assert_eq!(orders.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_alarm_is_gone() {
    let (sender, mut inbox) = mpsc::channel(2);
    sender.send("news").await.unwrap();
    let alarm = naive::alarm_before(sleep(ms(10)), &mut inbox).await;
    assert_eq!((alarm, inbox.try_recv()), (false, Err(TryRecvError::Empty)));
}

#[tokio::test(start_paused = true)]
async fn after_a_message_that_does_not_match_nobody_reads() {
    let (sender, mut inbox) = mpsc::channel(2);
    sender.send("news").await.unwrap();
    sender.send("alarm").await.unwrap();
    let alarm = naive::alarm_before(sleep(ms(10)), &mut inbox).await;
    assert_eq!((alarm, inbox.try_recv()), (false, Ok("alarm")), "it was there");
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_takes_each_message_loses_none() {
    let (sender, mut inbox) = mpsc::channel(4);
    for message in ["news", "more news", "alarm", "the rest"] {
        sender.send(message).await.unwrap();
    }
    let mut aside = Vec::new();
    let start = Instant::now();
    let put_aside = |message| aside.push(message);
    assert!(alarm_before(sleep(SECOND), &mut inbox, put_aside).await);
    assert_eq!((aside, inbox.try_recv()), (vec!["news", "more news"], Ok("the rest")));
    assert_eq!(start.elapsed(), ms(0));
    sender.send("late news").await.unwrap();
    let mut aside = Vec::new();
    let put_aside = |message| aside.push(message);
    assert!(!alarm_before(sleep(SECOND), &mut inbox, put_aside).await);
    assert_eq!((aside, start.elapsed()), (vec!["late news"], SECOND));
    drop(sender);
    let stop = sleep(SECOND);
    let nothing = |_| unreachable!("the channel has ended");
    assert!(!alarm_before(stop, &mut inbox, nothing).await);
    assert_eq!(start.elapsed(), 2 * SECOND, "the end of the channel is no alarm");
}

#[tokio::test(start_paused = true)]
async fn a_watch_for_an_alarm_that_is_dropped_loses_no_message() {
    let (sender, mut inbox) = mpsc::channel(2);
    sender.send("news").await.unwrap();
    let mut aside = Vec::new();
    let watch = alarm_before(future::pending(), &mut inbox, |m| aside.push(m));
    cancel::after_polls(0, watch).await;
    let watch = alarm_before(future::pending(), &mut inbox, |m| aside.push(m));
    cancel::after_polls(1, watch).await;
    sender.send("alarm").await.unwrap();
    assert_eq!((aside, inbox.try_recv()), (vec!["news"], Ok("alarm")));
}

#[tokio::test(start_paused = true)]
async fn each_of_them_can_be_spawned() {
    let orders = all_orders(ended(["1", "tea"]));
    tokio::spawn(orders.collect::<Vec<_>>()).await.unwrap();
    let (sender, mut inbox) = mpsc::channel(1);
    let watch = async move {
        offer(&sender, "alarm", SECOND).await.unwrap();
        alarm_before(future::pending(), &mut inbox, |_| {}).await
    };
    assert!(tokio::spawn(watch).await.unwrap());
}
