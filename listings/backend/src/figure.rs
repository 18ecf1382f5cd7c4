//! Records a run on the paused clock as the data of a figure.
//!
//! Support: no page shows this file.
//!
//! [`lane`] wraps a future and [`observe`] a stream; they, and the calls of [`Site`](crate::Site) made
//! inside them, emit `tracing` spans and events with the target [`TARGET`]. Each [`Figure::panel`] runs
//! on a paused current-thread runtime of its own, so its clock starts at zero, under a subscriber that
//! stamps what it sees with that clock. [`Figure::check`] compares the result with the recorded file.

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::recording::{Call, End, Item, Panel, Row};
use futures::Stream;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Span, Subscriber, span};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::recording;

/// The `tracing` target of everything that a figure is drawn from.
pub const TARGET: &str = "figure";

/// A scene that waits longer than this, by its own clock, waits for ever.
const LONGEST: Duration = Duration::from_hours(24);

/// A figure in the making: a title, and a panel for each run.
#[derive(Debug)]
pub struct Figure {
    topic: String,
    recorded: ::recording::Figure,
}

impl Figure {
    /// `topic` is the name of the page, as in `all-at-once`.
    pub fn new(topic: &str, title: &str) -> Self {
        let recorded =
            ::recording::Figure { title: title.to_owned(), panels: Vec::new() };
        Self { topic: topic.to_owned(), recorded }
    }

    /// Runs `scene` on a paused runtime of its own and records what it does. What the scene spawned and
    /// left running when it ends is recorded as open.
    ///
    /// # Panics
    /// When no runtime can be built, or inside another runtime; when the scene has not ended after a day of its
    /// clock, since nothing will ever end it then.
    #[must_use]
    pub fn panel<T>(mut self, name: &str, scene: impl AsyncFnOnce() -> T) -> Self {
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O can always be built");
        let recorder = Recorder::default();
        let subscriber = tracing_subscriber::registry().with(recorder.clone());
        let _default = tracing::subscriber::set_default(subscriber);
        let end = runtime.block_on(async {
            recorder.log().start = Some(Instant::now());
            let ended = tokio::time::timeout(LONGEST, scene()).await;
            assert!(ended.is_ok(), "the scene `{name}` waits for what never comes");
            let mut log = recorder.log();
            let end = log.now().unwrap_or_default();
            log.start = None;
            end
        });
        let rows = std::mem::take(&mut recorder.log().rows);
        let rows = rows.into_iter().map(|row| row.closed(end)).collect();
        self.recorded.panels.push(Panel { name: name.to_owned(), end, rows });
        self
    }

    /// Compares the figure with `figures/<topic>.json` in the package under test, or records it there.
    ///
    /// # Panics
    /// When the recorded figure is another, or cannot be read or written.
    pub fn check(self) {
        let folder = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(PathBuf::new, PathBuf::from);
        let path = folder
            .join("figures")
            .join(self.topic.replace('-', "_"))
            .with_extension("json");
        let mut json = serde_json::to_string_pretty(&self.recorded)
            .expect("names and numbers are JSON");
        json.push('\n');
        if let Err(error) = recording::check(path, &json) {
            panic!("{error}");
        }
    }
}

/// Gives `future` a lane in the figure, from now until it ends or is dropped.
#[must_use = "a lane does nothing unless polled"]
pub fn lane<'a, T: 'a, F>(name: &str, future: F) -> Lane<'a, T>
where
    F: Future<Output = T> + Send + 'a,
{
    Lane {
        span: new_span("lane", name),
        future: Box::pin(future),
        failed: |_| false,
        ended: false,
    }
}

/// Like [`lane`], and an `Err` is drawn as a failure.
#[must_use = "a lane does nothing unless polled"]
pub fn try_lane<'a, T: 'a, E: 'a, F>(name: &str, future: F) -> Lane<'a, Result<T, E>>
where
    F: Future<Output = Result<T, E>> + Send + 'a,
{
    let failed = |result: &Result<T, E>| result.is_err();
    Lane {
        span: new_span("lane", name),
        future: Box::pin(future),
        failed,
        ended: false,
    }
}

/// Gives `stream` a row of marbles in the figure, one for each item, labelled with its `Debug` text
/// without quotes.
pub fn observe<'a, S>(name: &str, stream: S) -> Observed<'a, S::Item>
where
    S: Stream + Send + 'a,
    S::Item: Debug,
{
    Observed { span: new_span("stream", name), stream: Box::pin(stream), ended: false }
}

/// Counts one event in the tally of this name.
pub fn tally(name: &str) {
    tracing::info!(target: TARGET, tally = name);
}

pub(crate) fn mark_queued() {
    tracing::info!(target: TARGET, mark = "queued");
}

/// The answer will be there `after` this long; `None`: never.
pub(crate) fn mark_sent(after: Option<Duration>) {
    if let Some(after) = after {
        tracing::info!(target: TARGET, mark = "sent", after = after.as_millis() as u64);
    } else {
        tracing::info!(target: TARGET, mark = "sent");
    }
}

pub(crate) fn mark_answered() {
    tracing::info!(target: TARGET, mark = "answered");
}

fn new_span(row: &'static str, name: &str) -> Span {
    tracing::info_span!(target: TARGET, "row", row, name)
}

fn mark_end(span: &Span, end: &'static str) {
    span.in_scope(|| tracing::info!(target: TARGET, mark = end));
}

/// A future with a lane; made by [`lane`] and [`try_lane`].
pub struct Lane<'a, T> {
    span: Span,
    future: BoxFuture<'a, T>,
    failed: fn(&T) -> bool,
    ended: bool,
}

impl<T> Future for Lane<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let _entered = this.span.enter();
        tracing::info!(target: TARGET, mark = "poll");
        let output = ready!(this.future.as_mut().poll(cx));
        let end = if (this.failed)(&output) { "failed" } else { "done" };
        tracing::info!(target: TARGET, mark = end);
        this.ended = true;
        Poll::Ready(output)
    }
}

impl<T> Drop for Lane<'_, T> {
    fn drop(&mut self) {
        if !self.ended {
            mark_end(&self.span, "dropped");
        }
    }
}

/// A stream with a row of marbles; made by [`observe`].
pub struct Observed<'a, T> {
    span: Span,
    stream: BoxStream<'a, T>,
    ended: bool,
}

impl<T: Debug> Stream for Observed<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let _entered = this.span.enter();
        let item = ready!(this.stream.as_mut().poll_next(cx));
        if let Some(item) = &item {
            let label = format!("{item:?}").replace('"', "");
            tracing::info!(target: TARGET, item = label);
        } else {
            tracing::info!(target: TARGET, mark = "done");
            this.ended = true;
        }
        Poll::Ready(item)
    }
}

impl<T> Drop for Observed<'_, T> {
    fn drop(&mut self) {
        if !self.ended {
            mark_end(&self.span, "dropped");
        }
    }
}

/// The subscriber's layer. Clones share one log.
#[derive(Clone, Debug, Default)]
struct Recorder {
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    /// When the run started; `None` before and after it.
    start: Option<Instant>,
    rows: Vec<Row>,
    by_span: HashMap<u64, usize>,
}

impl Recorder {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// Milliseconds into the run; `None` outside it, where the clock is not the paused one.
    fn now(&self) -> Option<u64> {
        Handle::try_current().ok()?;
        Some(self.start?.elapsed().as_millis() as u64)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(
        &self,
        attrs: &span::Attributes<'_>,
        id: &span::Id,
        _: LayerContext<'_, S>,
    ) {
        if attrs.metadata().target() != TARGET {
            return;
        }
        let mut log = self.log();
        let Some(now) = log.now() else { return };
        let mut fields = Fields::default();
        attrs.record(&mut fields);
        let row = log.rows.len();
        log.rows.push(Row::begin(&fields.row, fields.name, now));
        log.by_span.insert(id.into_u64(), row);
    }

    fn on_event(&self, event: &Event<'_>, context: LayerContext<'_, S>) {
        if event.metadata().target() != TARGET {
            return;
        }
        let mut log = self.log();
        let Some(now) = log.now() else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(name) = fields.tally {
            log.tally(name, now);
            return;
        }
        let row = context
            .event_span(event)
            .and_then(|span| log.by_span.get(&span.id().into_u64()).copied());
        // A call outside any lane is not part of the picture.
        let Some(row) = row else { return };
        match fields.item {
            Some(label) => log.rows[row].item(now, label),
            None => log.rows[row].mark(now, &fields.mark, fields.after),
        }
    }
}

impl Log {
    fn tally(&mut self, wanted: String, now: u64) {
        let known = self.rows.iter_mut().find_map(|row| match row {
            Row::Tally { name, at } if *name == wanted => Some(at),
            _ => None,
        });
        match known {
            None => self.rows.push(Row::Tally { name: wanted, at: vec![(now, 1)] }),
            Some(at) => match at.last_mut() {
                Some((last, count)) if *last == now => *count += 1,
                _ => at.push((now, 1)),
            },
        }
    }
}

/// How a row grows while the run goes on.
trait Growing {
    fn begin(row: &str, name: String, now: u64) -> Self;
    fn item(&mut self, now: u64, label: String);
    fn mark(&mut self, now: u64, mark: &str, after: Option<u64>);
    fn finish(&mut self, now: u64, how: End);
    /// Ends what the run left open, and cuts each call at the end of its lane.
    fn closed(self, run_end: u64) -> Self;
}

impl Growing for Row {
    fn begin(row: &str, name: String, now: u64) -> Self {
        if row == "lane" {
            let (calls, polls) = (Vec::new(), Vec::new());
            Self::Lane { name, from: now, to: now, end: End::Open, calls, polls }
        } else {
            Self::Stream { name, from: now, to: now, end: End::Open, items: Vec::new() }
        }
    }

    fn item(&mut self, now: u64, label: String) {
        if let Self::Stream { items, .. } = self {
            items.push(Item { at: now, label });
        }
    }

    fn mark(&mut self, now: u64, mark: &str, after: Option<u64>) {
        if let Some(end) = end_of(mark) {
            self.finish(now, end);
            return;
        }
        let Self::Lane { calls, polls, .. } = self else { return };
        match mark {
            "poll" if polls.last() != Some(&now) => polls.push(now),
            "queued" => {
                calls.push(Call { from: now, sent: None, ready: None, to: now });
            }
            "sent" => {
                let ready = after.map(|after| now + after);
                match calls.last_mut() {
                    // It queued before: the same call goes on.
                    Some(call) if call.sent.is_none() => {
                        (call.sent, call.ready) = (Some(now), ready);
                    }
                    _ => calls.push(Call {
                        from: now,
                        sent: Some(now),
                        ready,
                        to: u64::MAX,
                    }),
                }
                if let Some(call) = calls.last_mut() {
                    call.to = u64::MAX;
                }
            }
            "answered" => {
                if let Some(call) = calls.last_mut() {
                    call.to = now;
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, now: u64, how: End) {
        match self {
            Self::Lane { to, end, .. } | Self::Stream { to, end, .. } => {
                (*to, *end) = (now, how);
            }
            Self::Tally { .. } => {}
        }
    }

    fn closed(mut self, run_end: u64) -> Self {
        if let Self::Lane { to, end, .. } | Self::Stream { to, end, .. } = &mut self
            && *end == End::Open
        {
            *to = run_end;
        }
        if let Self::Lane { to, calls, .. } = &mut self {
            for call in calls {
                if call.sent.is_none() {
                    call.to = *to;
                }
                call.to = call.to.min(*to);
                call.ready = call.ready.filter(|ready| *ready <= call.to);
            }
        }
        self
    }
}

fn end_of(mark: &str) -> Option<End> {
    match mark {
        "done" => Some(End::Done),
        "failed" => Some(End::Failed),
        "dropped" => Some(End::Dropped),
        _ => None,
    }
}

#[derive(Default)]
struct Fields {
    row: String,
    name: String,
    mark: String,
    after: Option<u64>,
    item: Option<String>,
    tally: Option<String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "after" {
            self.after = Some(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = value.to_owned();
        match field.name() {
            "row" => self.row = value,
            "name" => self.name = value,
            "mark" => self.mark = value,
            "item" => self.item = Some(value),
            "tally" => self.tally = Some(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
