use super::*;

use std::cell::RefCell;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const REPORT: [&str; 6] = ["desk 7", "monday", "tea", "milk", "total 2", "desk 8"];

fn report() -> impl Stream<Item = String> + Unpin + Send {
    stream::iter(REPORT).map(String::from)
}

async fn rest(messages: impl Stream<Item = String>) -> Vec<String> {
    messages.collect().await
}

type Number = Arc<usize>;

/// A channel with so many numbered messages in it, and their first owner.
fn numbered(
    count: usize,
) -> (mpsc::Sender<Number>, ReceiverStream<Number>, Vec<Number>) {
    let (sender, receiver) = mpsc::channel(8);
    let own: Vec<_> = (1..=count).map(Arc::new).collect();
    for number in &own {
        sender.try_send(Arc::clone(number)).unwrap();
    }
    (sender, ReceiverStream::new(receiver), own)
}

/// The numbers that somebody besides `own` still has.
fn alive(own: &[Arc<usize>]) -> Vec<usize> {
    own.iter()
        .filter(|number| Arc::strong_count(number) > 1)
        .map(|number| **number)
        .collect()
}

// A part, and the rest

#[tokio::test]
async fn the_head_takes_two_messages_and_the_rest_stays() {
    let mut messages = report();
    let desk_7 = Head { desk: "desk 7".into(), day: "monday".into() };
    assert_eq!(head(&mut messages).await, Some(desk_7));
    assert_eq!(rest(messages).await, REPORT[2..]);
}

#[tokio::test]
async fn a_stream_that_ends_too_early_has_no_head() {
    let mut short = stream::iter(["desk 7".to_owned()]);
    assert_eq!(head(&mut short).await, None);
    assert_eq!(head(&mut stream::empty()).await, None);
}

#[tokio::test(start_paused = true)]
async fn dropped_between_its_messages_a_head_loses_the_first() {
    let (sender, receiver) = mpsc::channel(8);
    let mut messages = ReceiverStream::new(receiver);
    sender.send("desk 7".to_owned()).await.unwrap();
    timeout(ms(10), head(&mut messages)).await.unwrap_err();
    sender.send("monday".to_owned()).await.unwrap();
    drop(sender);
    assert_eq!(rest(messages).await, ["monday"]);
}

#[tokio::test]
async fn by_reference_the_rest_stays_with_both_libraries() {
    let mut messages = report();
    let two: Vec<_> = messages.by_ref().take(2).collect().await;
    assert_eq!(two, REPORT[..2]);
    let one: Vec<_> = (&mut messages).skip(1).take(1).collect().await;
    assert_eq!(one, REPORT[3..4]);
    assert_eq!(rest(messages).await, REPORT[4..]);

    let mut messages = report();
    let lent = tokio_stream::StreamExt::take(&mut messages, 2);
    let two: Vec<_> = tokio_stream::StreamExt::collect(lent).await;
    assert_eq!(two, REPORT[..2]);
    assert_eq!(rest(messages).await, REPORT[2..]);
}

#[tokio::test]
async fn a_stream_that_is_pinned_can_be_lent() {
    let counted = stream::unfold(1, |n| async move { Some((n, n + 1)) });
    let mut counted = pin!(counted);
    let two: Vec<u32> = counted.by_ref().take(2).collect().await;
    assert_eq!(two, [1, 2]);
    assert_eq!(counted.next().await, Some(3));
}

// What an adapter that owns its stream drops

#[tokio::test]
async fn an_owned_take_drops_what_is_in_the_channel_and_closes_it() {
    let (sender, messages, own) = numbered(5);
    let two: Vec<_> = messages.take(2).map(|number| *number).collect().await;
    assert_eq!(two, [1, 2]);
    assert!(sender.is_closed());
    assert!(alive(&own).is_empty()); // 3, 4 and 5 were in the channel
    let refused = sender.send(Arc::new(6)).await.unwrap_err();
    assert_eq!(*refused.0, 6);
}

#[tokio::test]
async fn first_two_drops_the_rest_of_its_stream() {
    let (sender, receiver) = mpsc::channel(8);
    for message in REPORT {
        sender.try_send(message.to_owned()).unwrap();
    }
    let two = naive::first_two(ReceiverStream::new(receiver)).await;
    assert_eq!(two, REPORT[..2]);
    assert!(sender.is_closed());
}

#[tokio::test]
async fn a_lent_take_leaves_the_channel_open_and_its_messages_in_it() {
    let (sender, mut messages, own) = numbered(5);
    let two: Vec<_> = messages.by_ref().take(2).map(|number| *number).collect().await;
    assert_eq!(two, [1, 2]);
    assert!(!sender.is_closed());
    assert_eq!(alive(&own), [3, 4, 5]);
}

#[tokio::test]
async fn into_inner_gives_the_receiver_and_all_that_is_in_it() {
    let (sender, messages, own) = numbered(3);
    // `take` of `futures` gives the stream, and `ReceiverStream` the receiver.
    let mut one = messages.take(1);
    assert_eq!(one.next().await.as_deref(), Some(&1));
    let mut receiver = one.into_inner().into_inner();
    assert_eq!(alive(&own), [2, 3]);
    assert_eq!(receiver.try_recv().as_deref(), Ok(&2));
    assert_eq!(receiver.try_recv().as_deref(), Ok(&3));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert!(!sender.is_closed());
}

// What an adapter takes from a stream that was only lent

#[tokio::test]
async fn take_and_skip_take_what_they_give_or_skip() {
    let mut messages = report();
    let mut two = messages.by_ref().take(2);
    assert_eq!(two.next().await.as_deref(), Some("desk 7"));
    drop(two);
    assert_eq!(messages.next().await.as_deref(), Some("monday"));
    let mut later = messages.by_ref().skip(1);
    assert_eq!(later.next().await.as_deref(), Some("milk"));
    drop(later);
    assert_eq!(messages.next().await.as_deref(), Some("total 2"));
}

#[tokio::test]
async fn take_while_takes_the_total_with_it() {
    let mut messages = report();
    head(&mut messages).await.unwrap();
    assert_eq!(naive::sales(&mut messages).await, ["tea", "milk"]);
    assert_eq!(messages.next().await.as_deref(), Some("desk 8"));
}

#[tokio::test]
async fn next_if_leaves_the_total_in_the_stream() {
    let mut messages = report();
    head(&mut messages).await.unwrap();
    let mut messages = pin!(messages.peekable());
    assert_eq!(sales(messages.as_mut()).await, ["tea", "milk"]);
    assert_eq!(rest(messages).await, ["total 2", "desk 8"]);
}

#[tokio::test]
async fn sales_end_with_the_stream() {
    let mut all = pin!(stream::iter(["tea".to_owned()]).peekable());
    assert_eq!(sales(all.as_mut()).await, ["tea"]);
    assert_eq!(sales(all.as_mut()).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn dropped_while_they_wait_sales_lose_what_they_have_read() {
    let (sender, receiver) = mpsc::channel(8);
    sender.send("tea".to_owned()).await.unwrap();
    let mut messages = pin!(ReceiverStream::new(receiver).peekable());
    timeout(ms(10), sales(messages.as_mut())).await.unwrap_err();
    sender.send("milk".to_owned()).await.unwrap();
    drop(sender);
    assert_eq!(sales(messages.as_mut()).await, ["milk"]);
}

#[tokio::test]
async fn a_lent_peekable_that_is_dropped_loses_what_it_looked_at() {
    let mut messages = report();
    {
        let mut lent = pin!(messages.by_ref().peekable());
        assert_eq!(lent.as_mut().peek().await.map(|m| &**m), Some("desk 7"));
    }
    assert_eq!(messages.next().await.as_deref(), Some("monday"));
}

/// A supplier that needs 10 ms for a price, and writes down whom it was asked for.
fn supplier(asked: &RefCell<Vec<String>>) -> impl FnMut(String) -> Price {
    move |product| {
        asked.borrow_mut().push(product.clone());
        Box::pin(async move {
            sleep(ms(10)).await;
            product.len()
        })
    }
}

type Price = Pin<Box<dyn Future<Output = usize>>>;

#[tokio::test(start_paused = true)]
async fn with_take_first_no_product_is_lost() {
    let asked = RefCell::default();
    let mut products = report();
    let start = Instant::now();
    assert_eq!(prices(&mut products, 3, supplier(&asked)).await, [6, 6, 3]);
    assert_eq!(start.elapsed(), ms(20), "two at a time");
    assert_eq!(*asked.borrow(), REPORT[..3]);
    assert_eq!(products.next().await.as_deref(), Some("milk"));
}

#[tokio::test(start_paused = true)]
async fn with_take_last_a_product_is_asked_for_and_lost() {
    let asked = RefCell::default();
    let mut products = report();
    assert_eq!(naive::prices(&mut products, 3, supplier(&asked)).await, [6, 6, 3]);
    assert_eq!(*asked.borrow(), REPORT[..4]);
    assert_eq!(products.next().await.as_deref(), Some("total 2"));
}

#[tokio::test(start_paused = true)]
async fn a_lent_buffered_that_is_dropped_loses_what_is_in_it() {
    let asked = RefCell::default();
    let mut products = report();
    let mut answers = products.by_ref().map(supplier(&asked)).buffered(2);
    assert_eq!(answers.next().await, Some(6)); // the price of the first
    timeout(ms(5), answers.next()).await.ok(); // takes the third
    drop(answers);
    assert_eq!(*asked.borrow(), REPORT[..3]);
    assert_eq!(products.next().await.as_deref(), Some("milk"));
}

#[tokio::test]
async fn lent_chunks_that_are_dropped_lose_their_unfinished_vec() {
    let (sender, mut messages, own) = numbered(5);
    let mut threes = messages.by_ref().chunks(3);
    assert_eq!(threes.next().await.unwrap().len(), 3);
    assert!(futures::FutureExt::now_or_never(threes.next()).is_none());
    drop(threes);
    assert!(alive(&own).is_empty());
    drop(sender);
    assert!(messages.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lent_then_or_filter_that_is_dropped_loses_the_item_it_waits_for() {
    let mut messages = report();
    {
        let mut slow = pin!(messages.by_ref().then(|message| async {
            sleep(ms(10)).await;
            message
        }));
        timeout(ms(5), slow.next()).await.unwrap_err();
    }
    assert_eq!(messages.next().await.as_deref(), Some("monday"));
    {
        let mut long = pin!(messages.by_ref().filter(|_| async {
            sleep(ms(10)).await;
            true
        }));
        timeout(ms(5), long.next()).await.unwrap_err();
    }
    assert_eq!(messages.next().await.as_deref(), Some("milk"));
}

#[tokio::test]
async fn none_of_it_needs_a_second_item_for_nothing() {
    let mut products = report();
    let none = prices(&mut products, 0, |product| ready(product.len())).await;
    assert!(none.is_empty());
    assert_eq!(products.next().await.as_deref(), Some("desk 7"));
}

#[tokio::test]
async fn all_of_it_can_be_spawned() {
    tokio::spawn(async {
        let mut messages = report();
        head(&mut messages).await.unwrap();
        let mut messages = pin!(messages.peekable());
        sales(messages.as_mut()).await;
        assert_eq!(prices(&mut messages, 1, |p| ready(p.len())).await, [7]);
    })
    .await
    .unwrap();
}
