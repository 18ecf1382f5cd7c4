use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as threads;

use backend::cancel::after_polls;
use backend::panics::words;
use backend::{Alive, soon};
use futures::future::join;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use super::*;

/// A piece that adds one, up to `last`.
fn up_to(last: usize) -> impl FnMut(&mut usize) -> ControlFlow<()> {
    move |done| {
        *done += 1;
        if *done == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A piece that does the same, and cancels `stop` in piece `at`: a user who presses Ctrl-C.
fn cancelled_at(
    stop: &CancellationToken,
    at: usize,
    last: usize,
) -> impl FnMut(&mut usize) -> ControlFlow<()> + use<> {
    let stop = stop.clone();
    let mut count = up_to(last);
    move |done| {
        let next = count(done);
        if *done == at {
            stop.cancel();
        }
        next
    }
}

/// What a test sees of pieces that it lets run, one by one. When it is dropped, the pieces end.
struct Pieces {
    began: mpsc::UnboundedReceiver<usize>,
    go: threads::Sender<()>,
}

fn one_by_one() -> (Pieces, impl FnMut(&mut usize) -> ControlFlow<()> + Send + 'static)
{
    let (says, began) = mpsc::unbounded_channel();
    let (go, may_go) = threads::channel();
    let piece = move |done: &mut usize| {
        let _ = says.send(*done + 1);
        if may_go.recv().is_err() {
            return ControlFlow::Break(()); // the test is over
        }
        *done += 1;
        ControlFlow::Continue(())
    };
    (Pieces { began, go }, piece)
}

impl Pieces {
    async fn begins(&mut self, number: usize) {
        assert_eq!(soon(self.began.recv()).await, Some(number));
    }

    fn ends(&self) {
        self.go.send(()).expect("the piece waits");
    }
}

#[tokio::test]
async fn in_a_select_a_computation_runs_to_its_end() {
    let stop = CancellationToken::new();
    let end = naive::in_a_select(&stop, 0, cancelled_at(&stop, 10, 1_000)).await;
    assert_eq!(end, Some(1_000), "cancelled in piece 10, and complete");
    assert!(stop.is_cancelled());
}

#[tokio::test]
async fn a_computation_stops_after_the_piece_in_which_it_was_cancelled() {
    let stop = CancellationToken::new();
    let end = soon(in_pieces(&stop, 0, cancelled_at(&stop, 10, 1_000))).await;
    assert_eq!(end.expect("no panic"), End::Stopped(10));
}

#[tokio::test]
async fn a_computation_that_nobody_cancels_is_done() {
    let end = soon(in_pieces(&CancellationToken::new(), 0, up_to(1_000))).await;
    assert_eq!(end.expect("no panic"), End::Done(1_000));
}

#[tokio::test]
async fn a_cancel_during_the_last_piece_is_too_late() {
    let stop = CancellationToken::new();
    let end = soon(in_pieces(&stop, 0, cancelled_at(&stop, 1_000, 1_000))).await;
    assert_eq!(end.expect("no panic"), End::Done(1_000));
}

#[tokio::test]
async fn cancelled_before_it_begins_no_piece_is_computed() {
    let stop = CancellationToken::new();
    stop.cancel();
    let end = soon(in_pieces(&stop, 7, up_to(1_000))).await;
    assert_eq!(end.expect("no panic"), End::Stopped(7));
}

#[tokio::test]
async fn a_computation_that_was_stopped_goes_on_from_its_state() {
    let stop = CancellationToken::new();
    let end = soon(in_pieces(&stop, 0, cancelled_at(&stop, 10, 1_000))).await;
    let Ok(End::Stopped(state)) = end else { panic!("{end:?}") };
    let again = soon(in_pieces(&CancellationToken::new(), state, up_to(1_000))).await;
    assert_eq!(again.expect("no panic"), End::Done(1_000));
}

#[tokio::test]
async fn a_cancel_waits_for_the_piece_that_runs_and_other_tasks_run_meanwhile() {
    let stop = CancellationToken::new();
    let (mut pieces, piece) = one_by_one();
    let user = async {
        pieces.begins(1).await;
        pieces.ends();
        pieces.begins(2).await; // this task runs while the computation computes
        stop.cancel();
        pieces.ends();
        assert_eq!(soon(pieces.began.recv()).await, None, "no piece 3");
    };
    let (end, ()) = join(soon(in_pieces(&stop, 0, piece)), user).await;
    assert_eq!(end.expect("no panic"), End::Stopped(2), "piece 2 is whole");
}

#[tokio::test]
async fn dropped_it_finishes_its_piece_begins_no_other_and_drops_its_state() {
    let alive = Alive::default();
    let stop = CancellationToken::new();
    let (mut pieces, mut piece) = one_by_one();
    let finished = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&finished);
    let work = in_pieces(&stop, (0, alive.guard()), move |(done, _)| {
        let next = piece(done);
        count.store(*done, Ordering::SeqCst);
        next
    });
    select! {
        end = work => panic!("it has ended: {}", end.is_ok()),
        () = pieces.begins(1) => {} // and here it is dropped
    }
    assert_eq!(alive.count(), 1, "the thread has it");
    pieces.ends();
    assert_eq!(soon(pieces.began.recv()).await, None, "no piece 2");
    assert_eq!(finished.load(Ordering::SeqCst), 1);
    let dropped = async {
        while alive.count() > 0 {
            yield_now().await;
        }
    };
    soon(dropped).await;
    assert!(!stop.is_cancelled(), "what else the user has under way goes on");
}

#[test]
fn dropped_in_the_queue_it_computes_nothing() {
    let runtime =
        Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
    runtime.expect("a runtime").block_on(async {
        let (go, gone) = threads::channel::<()>();
        let busy = spawn_blocking(move || gone.recv());
        let (mut pieces, piece) = one_by_one();
        let stop = CancellationToken::new();
        assert!(after_polls(1, in_pieces(&stop, 0, piece)).await.is_none(), "dropped");
        go.send(()).expect("it waits");
        soon(busy).await.expect("no panic").expect("a word");
        assert_eq!(soon(pieces.began.recv()).await, None, "no piece 1");
    });
}

#[tokio::test]
async fn a_piece_that_panics_is_an_error() {
    let stop = CancellationToken::new();
    let end =
        soon(in_pieces(&stop, 0, |_: &mut usize| panic!("divided by zero"))).await;
    let panic = end.expect_err("it has panicked").into_panic();
    assert_eq!(words(&*panic), "divided by zero");
}

#[tokio::test]
async fn if_the_thread_does_not_look_it_computes_on_after_the_answer() {
    let stop = CancellationToken::new();
    let (mut pieces, piece) = one_by_one();
    let user = async {
        pieces.begins(1).await;
        stop.cancel();
    };
    let (end, ()) = join(soon(naive::nobody_looks(&stop, 0, piece)), user).await;
    assert_eq!(end.expect("no panic"), None, "the user has an answer");
    for number in 2..100 {
        pieces.ends();
        pieces.begins(number).await;
    }
}

#[tokio::test]
async fn if_the_thread_does_not_look_it_still_gives_its_result() {
    let end = soon(naive::nobody_looks(&CancellationToken::new(), 0, up_to(9))).await;
    assert_eq!(end.expect("no panic"), Some(9));
}

#[tokio::test]
async fn with_an_await_between_its_pieces_a_task_stops_after_the_piece() {
    let stop = CancellationToken::new();
    let mut state = 0;
    let work = in_the_task(&stop, &mut state, cancelled_at(&stop, 10, 1_000));
    assert!(!soon(work).await, "it is not done");
    assert_eq!(state, 10);
    let again = CancellationToken::new();
    assert!(soon(in_the_task(&again, &mut state, up_to(1_000))).await, "it is done");
    assert_eq!(state, 1_000);
}

#[tokio::test]
async fn in_a_task_other_tasks_run_only_between_the_pieces() {
    let others = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&others);
    let other = tokio::spawn(async move {
        loop {
            count.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
        }
    });
    let mut seen = Vec::new();
    let mut state = 0;
    let mut next = up_to(5);
    let stop = CancellationToken::new();
    let work = in_the_task(&stop, &mut state, |done| {
        let before = others.load(Ordering::SeqCst);
        let end = next(done);
        assert_eq!(
            others.load(Ordering::SeqCst),
            before,
            "nobody ran within the piece"
        );
        seen.push(before);
        end
    });
    assert!(soon(work).await);
    other.abort();
    assert_eq!(seen, [0, 1, 2, 3, 4], "the other task had a turn after each piece");
}

#[test]
fn a_computation_can_be_spawned() {
    fn spawned<F: Future + Send + 'static>(_: F) {}
    spawned(async { in_pieces(&CancellationToken::new(), 0, up_to(1)).await });
}
