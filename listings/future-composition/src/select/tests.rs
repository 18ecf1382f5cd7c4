use super::*;
use backend::channels::{ended, filled};
use backend::{Alive, cancel};
use futures::{FutureExt, StreamExt, stream};
use std::cell::{Cell, RefCell};
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// Long enough for any machine; only a broken listing waits that long.
const AGES: Duration = Duration::from_mins(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What another branch of `select!` does to a future that waits: polls it once, and
/// drops it.
async fn lose<F: Future>(future: F) {
    assert!(cancel::after_polls(1, future).await.is_none(), "it waits");
}

#[tokio::test(start_paused = true)]
async fn a_branch_on_a_borrow_drops_only_the_borrow() {
    let alive = Alive::default();
    let guard = alive.guard();
    let mut job = pin!(async {
        let _guard = guard;
        sleep(ms(30)).await;
        "done"
    });
    for _ in 0..2 {
        select! {
            _ = &mut job => unreachable!("the job needs 30 ms"),
            () = sleep(ms(10)) => assert_eq!(alive.count(), 1),
        }
    }
    let start = Instant::now();
    assert_eq!((job.await, start.elapsed()), ("done", ms(10)), "10 of its 30 ms left");
}

#[tokio::test(start_paused = true)]
async fn while_a_handler_runs_no_branch_is_polled() {
    let steps = Cell::new(0);
    let mut other = pin!(async {
        loop {
            sleep(ms(1)).await;
            steps.set(steps.get() + 1);
        }
    });
    select! {
        () = &mut other => unreachable!("it never ends"),
        () = sleep(ms(10)) => {
            let before = steps.get();
            assert!(before >= 9, "{before}");
            sleep(SECOND).await;
            assert_eq!(steps.get(), before);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_biased_a_branch_that_is_always_ready_lets_the_other_win() {
    let mut wins = [0, 0];
    for _ in 0..200 {
        select! {
            () = future::ready(()) => wins[0] += 1,
            () = future::ready(()) => wins[1] += 1,
        }
    }
    assert!(wins[0] > 0 && wins[1] > 0, "{wins:?}");
}

#[tokio::test(start_paused = true)]
async fn with_biased_it_does_not() {
    for _ in 0..200 {
        select! {
            biased;
            () = future::ready(()) => {}
            () = future::ready(()) => unreachable!("the upper branch is ready"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn else_is_no_default() {
    let (_sender, mut orders) = filled::<&str>([]);
    let round = async {
        select! {
            Some(order) = orders.recv() => Some(order),
            else => None,
        }
    };
    timeout(HOUR, round).await.unwrap_err();
}

#[tokio::test]
async fn now_or_never_gets_128_of_1000_messages() {
    let (_sender, mut messages) = filled(0..1000);
    let seen = tokio::spawn(async move {
        let mut seen = 0;
        while let Some(Some(_)) = messages.recv().now_or_never() {
            seen += 1;
        }
        let mut left = 0;
        while messages.try_recv().is_ok() {
            left += 1;
        }
        (seen, left)
    });
    assert_eq!(seen.await.unwrap(), (128, 872), "`try_recv` gets the rest");
}

#[tokio::test(start_paused = true)]
async fn one_job_goes_on_while_ticks_win() {
    for (needs, ticks) in [(250, 3), (10, 1)] {
        let (start, seen) = (Instant::now(), RefCell::new(Vec::new()));
        let job = sleep(ms(needs)).map(|()| "uploaded");
        let meanwhile = || seen.borrow_mut().push(start.elapsed());
        let result = while_busy(job, ms(100), meanwhile).await;
        assert_eq!((result, start.elapsed()), ("uploaded", ms(needs)));
        let want: Vec<_> = (0..ticks).map(|tick| tick * ms(100)).collect();
        assert_eq!(seen.take(), want);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_each_round_makes_never_ends() {
    let (begun, busy) = (Cell::new(0), Cell::new(0));
    let job = || {
        begun.set(begun.get() + 1);
        sleep(ms(250))
    };
    let loops = naive::while_busy(job, ms(100), || busy.set(busy.get() + 1));
    assert!(timeout(HOUR, loops).await.is_err());
    assert_eq!((busy.get(), begun.get()), (36_001, 36_002));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_the_job_is_dropped() {
    let alive = Alive::default();
    let make = || {
        let guard = alive.guard();
        let job = async move {
            let _guard = guard;
            sleep(ms(250)).await;
        };
        while_busy(job, ms(100), || {})
    };
    let points =
        cancel::at_every_await(make, |_, _| assert_eq!(alive.count(), 0)).await;
    assert!(points >= 4, "before the first poll, and between the ticks: {points}");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`period` must be non-zero")]
async fn a_period_of_zero_panics() {
    while_busy(future::ready(()), Duration::ZERO, || {}).await;
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_that_is_polled_again_panics() {
    let looping = async {
        let mut job = pin!(async {});
        loop {
            select! {
                () = &mut job => {}
            }
        }
    };
    let looping = tokio::spawn(timeout(HOUR, looping));
    let panic = looping.await.unwrap_err().into_panic();
    let message = "`async fn` resumed after completion";
    assert_eq!(panic.downcast_ref(), Some(&message));
}

#[tokio::test(start_paused = true)]
async fn behind_a_condition_a_finished_job_is_not_polled() {
    let mut job = pin!(async {});
    let mut ticks = interval(ms(100));
    let (mut running, mut ends, mut seen) = (true, 0, 0);
    while seen < 5 {
        select! {
            () = &mut job, if running => {
                ends += 1;
                running = false;
            }
            _ = ticks.tick() => seen += 1,
        }
    }
    assert_eq!((ends, seen), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn both_channels_are_read_to_their_ends() {
    for (orders, chat) in [(vec![1, 2], vec![3]), (vec![], vec![1, 2, 3])] {
        let mut seen = Vec::new();
        let handle = |message| seen.push(message);
        let read = read_both(ended(orders), ended(chat), handle);
        timeout(HOUR, read).await.unwrap();
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_has_ended_leaves_the_other_its_turns() {
    let (sender, chat) = mpsc::channel(1);
    let seen = RefCell::new(Vec::new());
    let handle = |message| seen.borrow_mut().push(message);
    let mut read = Box::pin(read_both(ended(["tea"]), chat, handle));
    assert!(timeout(SECOND, &mut read).await.is_err(), "the chat goes on");
    sender.send("hello").await.unwrap();
    assert!(timeout(SECOND, &mut read).await.is_err());
    drop(sender);
    read.await;
    assert_eq!(seen.take(), ["tea", "hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_takes_none_too_spins() {
    let (_sender, chat) = filled::<()>([]);
    let (rounds, million) = (Cell::new(0), Notify::new());
    let handle = |message: Option<()>| {
        assert_eq!(message, None);
        rounds.set(rounds.get() + 1);
        if rounds.get() == 1_000_000 {
            million.notify_one();
        }
    };
    let start = Instant::now();
    select! {
        () = naive::read_both(ended([]), chat, handle) => {}
        () = million.notified() => {}
        () = sleep(ms(1)) => unreachable!("the clock moves when nothing runs"),
    }
    assert!(rounds.get() >= 1_000_000 && start.elapsed() == ms(0));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_reader_has_handled_what_it_took() {
    let (seen, sent) = (Cell::new(0), Arc::new(AtomicUsize::new(0)));
    let make = || {
        seen.set(0);
        sent.store(0, Ordering::SeqCst);
        let counted = |()| seen.set(seen.get() + 1);
        read_both(counted_sender(&sent, ms(10)), counted_sender(&sent, ms(15)), counted)
    };
    let points = cancel::at_every_await(make, |_, _| {
        assert_eq!(seen.get(), sent.load(Ordering::SeqCst));
    });
    assert!(points.await >= 4);
    assert_eq!(seen.get(), 4);
}

/// A channel that gets two messages, one every `period`, and then ends; `sent` counts
/// them.
fn counted_sender(sent: &Arc<AtomicUsize>, period: Duration) -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    let sent = Arc::clone(sent);
    tokio::spawn(async move {
        for _ in 0..2 {
            sleep(period).await;
            if sender.send(()).await.is_ok() {
                sent.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    receiver
}

#[tokio::test(start_paused = true)]
async fn a_recv_that_is_dropped_has_taken_nothing() {
    let (sender, mut orders) = filled([]);
    lose(orders.recv()).await;
    sender.send("tea").await.unwrap();
    assert_eq!(orders.recv().await, Some("tea"));
    // Also if the message comes between the last poll and the drop.
    let mut recv = Box::pin(orders.recv());
    assert!(futures::poll!(&mut recv).is_pending());
    sender.send("milk").await.unwrap();
    drop(recv);
    assert_eq!(orders.recv().await, Some("milk"));
}

#[tokio::test(start_paused = true)]
async fn a_tick_or_a_change_that_is_dropped_still_comes() {
    let (start, mut ticks) = (Instant::now(), interval(ms(100)));
    ticks.tick().await;
    assert!(timeout(ms(60), ticks.tick()).await.is_err());
    ticks.tick().await;
    assert_eq!(start.elapsed(), ms(100));
    let (sender, mut price) = watch::channel(1);
    lose(price.changed()).await;
    sender.send(2).unwrap();
    price.changed().await.unwrap();
    assert_eq!(*price.borrow(), 2);
}

#[tokio::test]
async fn an_accept_that_is_dropped_leaves_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    lose(listener.accept()).await;
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_, peer) = timeout(AGES, listener.accept()).await.unwrap().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_next_that_is_dropped_leaves_its_item_in_the_stream() {
    let steps = Cell::new(0);
    let mut numbers = pin!(stream::unfold(0, |n| {
        let steps = &steps;
        async move {
            steps.set(steps.get() + 1);
            sleep(ms(10)).await;
            Some((n, n + 1))
        }
    }));
    for want in 0..3 {
        lose(numbers.next()).await;
        assert_eq!(numbers.next().await, Some(want));
    }
    assert_eq!(steps.get(), 3, "no step began twice");
}

#[tokio::test(start_paused = true)]
async fn a_next_line_that_is_dropped_keeps_half_a_line() {
    let (mut client, server) = duplex(64);
    let mut lines = BufReader::new(server).lines();
    client.write_all(b"two mil").await.unwrap();
    lose(lines.next_line()).await;
    client.write_all(b"k\n").await.unwrap();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two milk"));
}

#[tokio::test(start_paused = true)]
async fn a_read_line_that_is_dropped_loses_half_a_line() {
    let (mut client, server) = duplex(64);
    let (mut server, mut line) = (BufReader::new(server), String::new());
    client.write_all(b"two mil").await.unwrap();
    lose(server.read_line(&mut line)).await;
    client.write_all(b"k\n").await.unwrap();
    server.read_line(&mut line).await.unwrap();
    assert_eq!(line, "k\n");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_dropped_has_read_nothing() {
    let (mut client, mut server) = duplex(64);
    let mut bytes = [0; 4];
    lose(server.read(&mut bytes)).await;
    client.write_all(b"milk").await.unwrap();
    assert_eq!((server.read(&mut bytes).await.unwrap(), &bytes), (4, b"milk"));
}

#[tokio::test(start_paused = true)]
async fn a_read_exact_that_is_dropped_has_taken_bytes() {
    let (mut client, mut server) = duplex(64);
    let mut bytes = [0; 4];
    client.write_all(b"mi").await.unwrap();
    lose(server.read_exact(&mut bytes)).await;
    client.write_all(b"lk, tea").await.unwrap();
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"lk, ", "and not `milk`");
}

#[tokio::test(start_paused = true)]
async fn a_write_all_that_is_dropped_has_written_a_part() {
    let (mut client, mut server) = duplex(4);
    lose(client.write_all(b"two milk")).await;
    drop(client);
    let mut seen = String::new();
    server.read_to_string(&mut seen).await.unwrap();
    assert_eq!(seen, "two ");
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_takes_its_value_with_it() {
    let (sender, mut orders) = mpsc::channel(1);
    sender.send(Arc::new("tea")).await.unwrap();
    let milk = Arc::new("milk");
    lose(sender.send(Arc::clone(&milk))).await;
    assert_eq!(Arc::strong_count(&milk), 1, "it is dropped");
    assert_eq!(orders.recv().await.as_deref(), Some(&"tea"));
    assert_eq!(orders.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test(start_paused = true)]
async fn a_question_mark_in_a_block_leaves_only_the_block() {
    let start = Instant::now();
    let order = order_within(&mut None::<mpsc::Receiver<()>>, ms(10)).await;
    assert_eq!((order, start.elapsed()), (None, ms(10)), "it waited for the timer");
}

#[tokio::test(start_paused = true)]
async fn a_condition_does_not_stop_its_future_from_being_made() {
    let panic = tokio::spawn(async {
        naive::order_within(&mut None::<mpsc::Receiver<()>>, ms(10)).await
    });
    let panic = panic.await.unwrap_err().into_panic();
    let message = "called `Option::unwrap()` on a `None` value";
    assert_eq!(panic.downcast_ref(), Some(&message));
    let mut inbox = Some(ended(["tea"]));
    assert_eq!(naive::order_within(&mut inbox, ms(10)).await, Some("tea"));
}

#[tokio::test(start_paused = true)]
async fn a_block_is_made_and_does_nothing_until_it_is_polled() {
    let (sender, inbox) = filled(["tea"]);
    let mut inbox = Some(inbox);
    assert_eq!(order_within(&mut inbox, ms(10)).await, Some("tea"));
    lose(order_within(&mut inbox, ms(10))).await;
    sender.send("milk").await.unwrap();
    assert_eq!(order_within(&mut inbox, ms(10)).await, Some("milk"));
    let start = Instant::now();
    assert_eq!(order_within(&mut inbox, ms(10)).await, None);
    drop(sender);
    assert_eq!(order_within(&mut inbox, ms(10)).await, None, "it has ended");
    assert_eq!(start.elapsed(), ms(20));
}

#[tokio::test(start_paused = true)]
async fn every_loop_can_be_spawned() {
    tokio::spawn(while_busy(sleep(ms(1)), ms(1), || {})).await.unwrap();
    tokio::spawn(read_both(ended([1]), ended([2]), |_| {})).await.unwrap();
    let waiting = async {
        let (_sender, orders) = filled(["tea"]);
        order_within(&mut Some(orders), HOUR).await
    };
    assert_eq!(tokio::spawn(waiting).await.unwrap(), Some("tea"));
}
