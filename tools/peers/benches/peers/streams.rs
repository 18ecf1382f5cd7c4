//! `stream_processing`: what many items pass through.

use std::future::pending;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use futures::future::{FutureExt, join};
use futures::stream::{self, StreamExt};
use peers::{Table, timed};
use stream_processing::batches::{Limits, batcher};
use stream_processing::generators::forward;
use stream_processing::large_log::{LogLines, fold_now, texts};
use stream_processing::merge::{Change, keyed};
use stream_processing::publish_subscribe::Hub;
use stream_processing::stream_sources::feed;
use tokio::io::AsyncBufReadExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{LinesStream, ReceiverStream};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

const fn n(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("not zero")
}

pub(crate) fn compare(table: &mut Table) {
    hubs(table);
    merges(table);
    batches(table);
    lines(table);
    channels(table);
}

fn hubs(table: &mut Table) {
    const MESSAGES: u32 = 32;
    let runtime = runtime();
    for subscribers in [1, 16, 256] {
        let repeat = 512 / subscribers;
        let mut hub = Hub::new(Duration::from_secs(1));
        let mut queues: Vec<_> =
            (0..subscribers).map(|_| hub.subscribe(n(64))).collect();
        let (mut sender, receiver) = async_broadcast::broadcast(64);
        sender.set_await_active(true);
        let mut receivers: Vec<_> =
            (0..subscribers).map(|_| receiver.clone()).collect();
        drop(receiver);
        let mut theirs = async || {
            for message in 0..MESSAGES {
                assert!(matches!(sender.broadcast(message).await, Ok(None)));
            }
            for receiver in &mut receivers {
                for _ in 0..MESSAGES {
                    assert!(receiver.try_recv().is_ok());
                }
            }
        };
        let mut ours = async || {
            for message in 0..MESSAGES {
                assert_eq!(hub.publish(message).await, subscribers);
            }
            for queue in &mut queues {
                for _ in 0..MESSAGES {
                    assert!(queue.try_recv().is_ok());
                }
            }
        };
        table.compare(
            &format!("`Hub::publish` and all receive, {subscribers} subscribers"),
            "async-broadcast",
            MESSAGES * repeat as u32,
            || {
                timed(|| {
                    runtime.block_on(async {
                        for _ in 0..repeat {
                            ours().await;
                        }
                    });
                })
            },
            || {
                timed(|| {
                    runtime.block_on(async {
                        for _ in 0..repeat {
                            theirs().await;
                        }
                    });
                })
            },
        );
    }
}

fn merges(table: &mut Table) {
    const COUNT: usize = 1024;
    let sources =
        || (0..COUNT).map(|_| mpsc::channel(1)).unzip::<_, _, Vec<_>, Vec<_>>();
    let (our_senders, receivers) = sources();
    let adds = receivers.into_iter().enumerate();
    let adds =
        adds.map(|(key, receiver)| Change::Add(key, ReceiverStream::new(receiver)));
    let changes = stream::iter(adds).chain(stream::once(pending()));
    let mut ours = pin!(keyed(changes));
    let (their_senders, receivers) = sources();
    let mut theirs = stream::select_all(receivers.into_iter().map(ReceiverStream::new));
    assert!(
        ours.next().now_or_never().is_none() && theirs.next().now_or_never().is_none()
    );
    table.compare(
        "`keyed`, one of 1024 sources has an item",
        "futures, `select_all`",
        COUNT as u32,
        || {
            timed(|| {
                for sender in &our_senders {
                    sender.try_send(1).expect("room");
                    assert!(matches!(
                        ours.next().now_or_never(),
                        Some(Some((_, Some(1))))
                    ));
                }
            })
        },
        || {
            timed(|| {
                for sender in &their_senders {
                    sender.try_send(1).expect("room");
                    assert_eq!(theirs.next().now_or_never(), Some(Some(1)));
                }
            })
        },
    );
}

fn batches(table: &mut Table) {
    const ITEMS: u32 = 10_000;
    const SIZE: usize = 100;
    const SECOND: Duration = Duration::from_secs(1);
    let runtime = runtime();
    let limits = Limits { items: n(SIZE), weight: n(usize::MAX), age: SECOND };
    let ours = || {
        let (intake, mut batches) = batcher(limits, n(SIZE), |_| 1);
        timed(|| {
            runtime.block_on(async {
                for items in 0..ITEMS / SIZE as u32 {
                    for item in 0..SIZE as u32 {
                        intake.send(items + item).await.expect("open");
                    }
                    let batch = batches.next().await.expect("open").into_items();
                    assert_eq!(black_box(batch).len(), SIZE);
                }
            });
        })
    };
    table.compare(
        "`batcher`, 100 items, a batch",
        "tokio-stream, `chunks_timeout`",
        ITEMS,
        ours,
        || {
            let (sender, receiver) = mpsc::channel(SIZE);
            let batches = tokio_stream::StreamExt::chunks_timeout(
                ReceiverStream::new(receiver),
                SIZE,
                SECOND,
            );
            let mut batches = pin!(batches);
            timed(|| {
                runtime.block_on(async {
                    for items in 0..ITEMS / SIZE as u32 {
                        for item in 0..SIZE as u32 {
                            sender.send(items + item).await.expect("open");
                        }
                        let batch = batches.next().await.expect("open");
                        assert_eq!(black_box(batch).len(), SIZE);
                    }
                });
            })
        },
    );
    table.compare(
        "`batcher`, 100 items, a batch",
        "tokio, `recv_many`",
        ITEMS,
        ours,
        || {
            let (sender, mut receiver) = mpsc::channel(SIZE);
            timed(|| {
                runtime.block_on(async {
                    for items in 0..ITEMS / SIZE as u32 {
                        for item in 0..SIZE as u32 {
                            sender.send(items + item).await.expect("open");
                        }
                        let mut batch = Vec::new();
                        assert_eq!(receiver.recv_many(&mut batch, SIZE).await, SIZE);
                        assert_eq!(black_box(batch).len(), SIZE);
                    }
                });
            })
        },
    );
}

fn lines(table: &mut Table) {
    const LINES: u32 = 10_000;
    const LONGEST: NonZeroUsize = n(64 << 10);
    let line = |n| {
        format!(
            "2026-01-01T00:00:00Z request={n} path=/orders/{n} status=200 took=12ms\n"
        )
    };
    let log = (0..LINES).map(line).collect::<Vec<_>>().concat();
    let log = log.as_bytes();
    let runtime = runtime();
    table.compare(
        "`texts`, a line",
        "tokio-stream, `LinesStream`",
        LINES,
        || {
            let lines = texts(LogLines::new(log, LONGEST));
            timed(|| {
                runtime.block_on(
                    lines.fold(0, async |sum, line| sum + line.expect("read").len()),
                )
            })
        },
        || {
            let lines = LinesStream::new(log.lines());
            timed(|| {
                runtime.block_on(
                    lines.fold(0, async |sum, line| sum + line.expect("read").len()),
                )
            })
        },
    );
    table.compare(
        "`fold_now`, a line",
        "memchr, in place",
        LINES,
        || {
            timed(|| {
                fold_now(log, LONGEST, 0, |sum, line| {
                    Some(sum + black_box(line.bytes).len())
                })
            })
        },
        || {
            timed(|| {
                let (mut from, mut sum) = (0, 0);
                for end in memchr::memchr_iter(b'\n', log) {
                    sum += black_box(&log[from..end]).len();
                    from = end + 1;
                }
                sum
            })
        },
    );
}

fn channels(table: &mut Table) {
    const ITEMS: u32 = 10_000;
    let runtime = runtime();
    let read = async |mut items: mpsc::Receiver<u32>| {
        let mut sum = 0_u64;
        while let Some(item) = items.recv().await {
            sum += u64::from(item);
        }
        sum
    };
    let by_hand = || {
        let (sender, receiver) = mpsc::channel(64);
        let write = async move {
            let mut source = pin!(stream::iter(0..ITEMS));
            while let Some(item) = source.next().await {
                if sender.send(item).await.is_err() {
                    break;
                }
            }
        };
        timed(|| runtime.block_on(join(write, read(receiver))))
    };
    table.compare(
        "`feed`, an item",
        "tokio, `send` in a loop",
        ITEMS,
        || {
            let (sender, receiver) = mpsc::channel(64);
            timed(|| {
                runtime.block_on(join(
                    feed(stream::iter(0..ITEMS), sender),
                    read(receiver),
                ))
            })
        },
        by_hand,
    );
    table.compare(
        "`forward`, an item",
        "tokio, `send` in a loop",
        ITEMS,
        || {
            let (sender, receiver) = mpsc::channel(64);
            timed(|| {
                runtime.block_on(join(
                    forward(stream::iter(0..ITEMS), sender),
                    read(receiver),
                ))
            })
        },
        by_hand,
    );
}
