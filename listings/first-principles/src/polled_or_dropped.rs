//! A future moves only when it is polled, a task moves by itself, and to cancel is to drop.

use std::error::Error;
use std::future::Future;

use tokio::sync::Mutex;

/// Two balances that belong together: what leaves one arrives in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Where the money comes from.
    pub from: u64,
    /// Where it goes to.
    pub to: u64,
}

impl Accounts {
    /// The balances after `amount` has moved; `None` if they do not allow it.
    #[must_use]
    pub fn after(self, amount: u64) -> Option<Self> {
        let from = self.from.checked_sub(amount)?;
        let to = self.to.checked_add(amount)?;
        Some(Self { from, to })
    }
}

/// Why nothing has moved.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError<E: Error + 'static> {
    /// The approval says so.
    #[error("the transfer was not approved")]
    Refused(#[source] E),
    /// One account has too little, or the other has no room.
    #[error("the balances do not allow a transfer of {amount}")]
    Balance {
        /// What was to be moved.
        amount: u64,
    },
}

// ANCHOR: one_step
/// Moves `amount` from one account to the other, once `approval` is there.
///
/// # Errors
/// The approval fails, or the balances do not allow it. Nothing has moved then.
///
/// # Cancel safety
/// Dropped before it returns, it has moved nothing and holds nothing. The approval is
/// dropped with it, and so is its place in the queue for the lock.
pub async fn transfer<E: Error + 'static>(
    accounts: &Mutex<Accounts>,
    amount: u64,
    approval: impl Future<Output = Result<(), E>>,
) -> Result<(), TransferError<E>> {
    // May be dropped here: it has done nothing and holds nothing.
    approval.await.map_err(TransferError::Refused)?;
    // May be dropped here: it has done nothing and holds a place in the queue.
    let mut accounts = accounts.lock().await;
    // No await below: nobody can drop it between the debit and the credit.
    *accounts = accounts.after(amount).ok_or(TransferError::Balance { amount })?;
    Ok(())
}
// ANCHOR_END: one_step

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    // ANCHOR: await_in_between
    /// Wrong: dropped while it waits for the approval, it has taken and not given.
    ///
    /// # Errors
    /// The approval fails, or the balances do not allow it.
    pub async fn transfer<E: Error + 'static>(
        accounts: &Mutex<Accounts>,
        amount: u64,
        approval: impl Future<Output = Result<(), E>>,
    ) -> Result<(), TransferError<E>> {
        let mut accounts = accounts.lock().await;
        let after = accounts.after(amount).ok_or(TransferError::Balance { amount })?;
        accounts.from = after.from;
        // The error path gives the money back. The drop path is not in the code.
        if let Err(error) = approval.await {
            accounts.from += amount;
            return Err(TransferError::Refused(error));
        }
        accounts.to = after.to;
        Ok(())
    }
    // ANCHOR_END: await_in_between
}

#[cfg(test)]
mod tests {
    use super::*;
    use backend::cancel::{after_polls, at_every_await};
    use backend::{Alive, Load, Site};
    use futures::poll;
    use std::convert::Infallible;
    use std::future::{pending, poll_fn};
    use std::pin::{Pin, pin};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex as StdMutex, mpsc};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::runtime::{Builder, Handle};
    use tokio::sync::mpsc::channel;
    use tokio::sync::{Notify, Semaphore};
    use tokio::task::yield_now;
    use tokio::time::{Instant, sleep};

    const HOUR: Duration = Duration::from_hours(1);

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Notes its name when it is dropped.
    struct Note(&'static str, Notes);
    type Notes = Arc<StdMutex<Vec<&'static str>>>;

    impl Drop for Note {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    // A future moves only when it is polled.

    #[tokio::test(start_paused = true)]
    async fn nothing_happens_before_the_first_poll() {
        let site = Site::default().with_page("/a", ms(30));
        let fetch = site.fetch("/a");
        sleep(HOUR).await;
        assert_eq!(site.load(), Load::default());
        fetch.await.unwrap();
        assert_eq!(site.load().answered, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_left_alone_stays_where_it_is() {
        let site = Site::default().with_page("/a", ms(30));
        let mut fetch = pin!(site.fetch("/a"));
        assert!(poll!(&mut fetch).is_pending());
        sleep(HOUR).await;
        assert_eq!((site.load().in_flight, site.load().answered), (1, 0));
        let start = Instant::now();
        fetch.await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO, "its timer had passed long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn two_futures_awaited_in_turn_take_the_sum_of_their_times() {
        let site = Site::default().with_page("/a", ms(30)).with_page("/b", ms(50));
        let start = Instant::now();
        let (a, b) = (site.fetch("/a"), site.fetch("/b"));
        a.await.unwrap();
        b.await.unwrap();
        assert_eq!((start.elapsed(), site.load().peak), (ms(80), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_spawned_task_moves_while_nobody_awaits_it() {
        let site = Site::default().with_page("/a", ms(30));
        let task = tokio::spawn(site.fetch("/a"));
        sleep(HOUR).await;
        assert_eq!(site.load().answered, 1);
        assert!(task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_polled_when_it_is_woken_and_not_before() {
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let mut hour = Box::pin(sleep(HOUR));
        let task = tokio::spawn(poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::SeqCst);
            hour.as_mut().poll(cx)
        }));
        task.await.unwrap();
        assert_eq!(
            polls.load(Ordering::SeqCst),
            2,
            "when it was spawned, and an hour later"
        );
    }

    // To cancel is to drop at an await.

    #[tokio::test]
    async fn a_drop_runs_the_destructors_now_the_newest_first() {
        let notes = Notes::default();
        let note = |name| Note(name, Arc::clone(&notes));
        let (first, second, inner) = (note("first"), note("second"), note("inner"));
        let mut future = Box::pin(async move {
            let _first = first;
            let _second = second;
            let awaited = async move {
                let _inner = inner;
                pending::<()>().await;
            };
            awaited.await;
        });
        assert!(poll!(&mut future).is_pending());
        assert!(notes.lock().unwrap().is_empty());
        drop(future);
        assert_eq!(*notes.lock().unwrap(), ["inner", "second", "first"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_the_await_never_runs() {
        let reached = AtomicUsize::new(0);
        let end = after_polls(2, async {
            sleep(ms(1)).await;
            reached.store(1, Ordering::SeqCst);
            sleep(ms(1)).await;
            reached.store(2, Ordering::SeqCst);
        });
        assert_eq!(end.await, None);
        sleep(HOUR).await;
        assert_eq!(reached.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_destructor_cannot_wait_for_a_future() {
        struct Goodbye;
        impl Drop for Goodbye {
            fn drop(&mut self) {
                Handle::current().block_on(async {});
            }
        }
        let task = tokio::spawn(async { drop(Goodbye) });
        let panic = task.await.unwrap_err().to_string();
        assert!(
            panic.contains("Cannot start a runtime from within a runtime"),
            "{panic}"
        );
    }

    /// Spawns a task that counts, when it is dropped.
    struct SpawnsGoodbye(Arc<AtomicUsize>);

    impl Drop for SpawnsGoodbye {
        fn drop(&mut self) {
            let said = Arc::clone(&self.0);
            tokio::spawn(async move { said.fetch_add(1, Ordering::SeqCst) });
        }
    }

    #[tokio::test]
    async fn what_a_destructor_spawns_runs_after_it() {
        let said = Arc::new(AtomicUsize::new(0));
        drop(SpawnsGoodbye(Arc::clone(&said)));
        assert_eq!(said.load(Ordering::SeqCst), 0);
        yield_now().await;
        assert_eq!(said.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_a_join_handle_detaches_its_task() {
        let site = Site::default().with_page("/a", ms(30));
        drop(tokio::spawn(site.fetch("/a")));
        sleep(HOUR).await;
        assert_eq!((site.load().answered, site.load().dropped), (1, 0));
    }

    #[tokio::test]
    async fn an_aborted_task_is_dropped_where_it_waits_but_later() {
        let alive = Alive::default();
        let guard = alive.guard();
        let task = tokio::spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
        task.abort();
        assert_eq!(alive.count(), 1, "abort() is a request");
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(alive.count(), 0, "the handle tells when it has been met");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_task_that_does_not_yield_cannot_be_cancelled() {
        let (started, until_started) = mpsc::channel();
        let (aborted, until_aborted) = mpsc::channel();
        let task = tokio::spawn(async move {
            started.send(()).unwrap();
            until_aborted.recv().unwrap();
            "done all the same"
        });
        until_started.recv().unwrap();
        task.abort();
        aborted.send(()).unwrap();
        assert_eq!(task.await.unwrap(), "done all the same");
    }

    #[test]
    fn a_runtime_that_is_dropped_drops_its_tasks() {
        let alive = Alive::default();
        let guard = alive.guard();
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            yield_now().await;
        });
        assert_eq!(alive.count(), 1);
        drop(runtime);
        assert_eq!(alive.count(), 0);
    }

    #[test]
    fn at_shutdown_what_a_destructor_spawns_never_runs() {
        let said = Arc::new(AtomicUsize::new(0));
        let goodbye = SpawnsGoodbye(Arc::clone(&said));
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::spawn(async move {
                let _goodbye = goodbye;
                pending::<()>().await;
            });
            yield_now().await;
        });
        drop(runtime);
        assert_eq!(
            Arc::strong_count(&said),
            1,
            "the destructor ran, its task is gone too"
        );
        assert_eq!(said.load(Ordering::SeqCst), 0);
    }

    // Cancel safe, or not.

    #[tokio::test]
    async fn a_dropped_recv_loses_no_message() {
        let (sender, mut receiver) = channel(1);
        let mut receiving = Box::pin(receiver.recv());
        assert!(poll!(&mut receiving).is_pending());
        sender.send("hello").await.unwrap();
        drop(receiving);
        assert_eq!(receiver.recv().await, Some("hello"));
    }

    #[tokio::test]
    async fn a_dropped_read_exact_loses_what_it_has_read() {
        let (mut near, mut far) = duplex(16);
        far.write_all(b"abc").await.unwrap();
        let mut four = [0; 4];
        let mut reading = Box::pin(near.read_exact(&mut four));
        assert!(poll!(&mut reading).is_pending());
        drop(reading);
        far.write_all(b"defg").await.unwrap();
        near.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"defg", "a, b and c were read, and nobody knows");
    }

    // Safe for the data, but the place in the queue is lost.

    /// Two ask, one after the other; the early one may be dropped and ask again. Who is served when
    /// one can be?
    async fn served<F: Future>(
        ask: impl Fn() -> F,
        asks_again: bool,
        free_one: impl FnOnce(),
    ) -> &'static str {
        let (mut early, mut late) = (Box::pin(ask()), Box::pin(ask()));
        assert!(poll!(&mut early).is_pending());
        assert!(poll!(&mut late).is_pending());
        if asks_again {
            early = Box::pin(ask());
            assert!(poll!(&mut early).is_pending());
        }
        free_one();
        // Both are kept: a guard that is dropped would serve the next one too.
        let (early, late) = (poll!(&mut early), poll!(&mut late));
        match (early.is_ready(), late.is_ready()) {
            (true, false) => "early",
            (false, true) => "late",
            _ => panic!("one can be served, and one only"),
        }
    }

    #[tokio::test]
    async fn a_lock_asked_for_again_comes_last() {
        let lock = Mutex::new(());
        for (asks_again, expected) in [(false, "early"), (true, "late")] {
            let held = lock.lock().await;
            assert_eq!(
                served(|| lock.lock(), asks_again, || drop(held)).await,
                expected
            );
        }
    }

    #[tokio::test]
    async fn a_permit_asked_for_again_comes_last() {
        for (asks_again, expected) in [(false, "early"), (true, "late")] {
            let permits = Semaphore::new(0);
            let free_one = || permits.add_permits(1);
            assert_eq!(
                served(|| permits.acquire(), asks_again, free_one).await,
                expected
            );
        }
    }

    #[tokio::test]
    async fn a_notification_waited_for_again_comes_last() {
        for (asks_again, expected) in [(false, "early"), (true, "late")] {
            let notify = Notify::new();
            let free_one = || notify.notify_one();
            assert_eq!(
                served(|| notify.notified(), asks_again, free_one).await,
                expected
            );
        }
    }

    #[tokio::test]
    async fn what_was_granted_to_a_dropped_future_goes_to_the_next() {
        let permits = Semaphore::new(0);
        let (mut early, mut late) =
            (Box::pin(permits.acquire()), pin!(permits.acquire()));
        assert!(poll!(&mut early).is_pending());
        assert!(poll!(&mut late).is_pending());
        permits.add_permits(1);
        assert!(
            poll!(&mut late).is_pending(),
            "granted to the early one, which nobody polls"
        );
        drop(early);
        assert!(poll!(&mut late).is_ready());
    }

    // A drop at each await.

    type Shared = Arc<Mutex<Accounts>>;
    type Approval = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

    const BEFORE: Accounts = Accounts { from: 100, to: 0 };
    const AFTER: Accounts = Accounts { from: 90, to: 10 };

    /// Drops a transfer of 10 at each of its awaits, each time with fresh accounts whose lock another
    /// task holds for 3 ms and an approval that takes 1 ms. Returns what each left behind.
    async fn left_by<F>(transfer: impl Fn(Shared, Approval) -> F) -> Vec<Accounts>
    where
        F: Future<Output = Result<(), TransferError<Infallible>>>,
    {
        let mut all = Vec::new();
        let make = || {
            let accounts = Arc::new(Mutex::new(BEFORE));
            all.push(Arc::clone(&accounts));
            let held = Arc::clone(&accounts).try_lock_owned().unwrap();
            tokio::spawn(async move {
                sleep(ms(3)).await;
                drop(held);
            });
            let approval = Box::pin(async {
                sleep(ms(1)).await;
                Ok(())
            });
            transfer(accounts, approval)
        };
        at_every_await(make, |_, end| end.into_iter().for_each(Result::unwrap)).await;
        sleep(HOUR).await;
        all.iter()
            .map(|accounts| *accounts.try_lock().expect("nobody holds the lock"))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_at_any_await_the_transfer_moves_all_or_nothing() {
        let transfer = |accounts: Shared, approval| async move {
            transfer(&accounts, 10, approval).await
        };
        assert_eq!(left_by(transfer).await, [BEFORE, BEFORE, BEFORE, AFTER]);
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_between_debit_and_credit_the_money_is_gone() {
        let transfer = |accounts: Shared, approval| async move {
            naive::transfer(&accounts, 10, approval).await
        };
        let lost = Accounts { from: 90, to: 0 };
        assert_eq!(left_by(transfer).await, [BEFORE, BEFORE, lost, AFTER]);
    }

    #[tokio::test(start_paused = true)]
    async fn once_spawned_even_that_one_survives_its_caller() {
        let transfer = |accounts: Shared, approval| async move {
            let task = async move { naive::transfer(&accounts, 10, approval).await };
            tokio::spawn(task).await.unwrap()
        };
        assert_eq!(left_by(transfer).await, [BEFORE, AFTER, AFTER]);
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("not today")]
    struct NotToday;

    #[tokio::test]
    async fn without_approval_nothing_moves() {
        let accounts = Mutex::new(BEFORE);
        let refused = Err(TransferError::Refused(NotToday));
        assert_eq!(transfer(&accounts, 10, async { Err(NotToday) }).await, refused);
        assert_eq!(
            naive::transfer(&accounts, 10, async { Err(NotToday) }).await,
            refused
        );
        assert_eq!(accounts.into_inner(), BEFORE);
    }

    #[tokio::test]
    async fn what_the_balances_do_not_allow_does_not_move() {
        let yes = || async { Ok::<_, NotToday>(()) };
        for before in
            [Accounts { from: 9, to: 0 }, Accounts { from: 10, to: u64::MAX - 9 }]
        {
            let accounts = Mutex::new(before);
            let refused = Err(TransferError::Balance { amount: 10 });
            assert_eq!(transfer(&accounts, 10, yes()).await, refused);
            assert_eq!(naive::transfer(&accounts, 10, yes()).await, refused);
            assert_eq!(accounts.into_inner(), before);
        }
    }

    #[tokio::test]
    async fn waiting_for_the_approval_it_holds_nothing() {
        let accounts = Mutex::new(BEFORE);
        let approval = pending::<Result<(), NotToday>>;
        let mut waiting = pin!(transfer(&accounts, 10, approval()));
        assert!(poll!(&mut waiting).is_pending());
        assert!(accounts.try_lock().is_ok());
        let mut waiting = pin!(naive::transfer(&accounts, 10, approval()));
        assert!(poll!(&mut waiting).is_pending());
        assert!(accounts.try_lock().is_err(), "the naive one keeps everybody else out");
    }

    #[tokio::test]
    async fn a_transfer_can_be_spawned() {
        let accounts = Arc::new(Mutex::new(BEFORE));
        let shared = Arc::clone(&accounts);
        let yes = async { Ok::<_, NotToday>(()) };
        let task = tokio::spawn(async move { transfer(&shared, 10, yes).await });
        task.await.unwrap().unwrap();
        assert_eq!(*accounts.lock().await, AFTER);
    }
}
