//! Draws a figure from the recording of a run.
//!
//! Colours and dashes come from `theme/`: the SVG carries classes only.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use recording::{Call, End, Figure, Panel, Row};

use crate::text::html as escape;

/// A drawing of its own for each width of the page, so that its text stays legible; the page scales it to
/// its column, and the theme shows one of them.
struct Layout {
    /// The class of the drawing, and part of its ids.
    name: &'static str,
    /// The column, in the units of the drawing.
    width: f64,
    /// Room for labels, left of the rows.
    labels: f64,
    /// Room for the mark at the end of a row.
    right: f64,
    /// Room for a label above its row instead.
    above: f64,
}

const WIDE: Layout =
    Layout { name: "wide", width: 720.0, labels: 142.0, right: 64.0, above: 0.0 };
const NARROW: Layout =
    Layout { name: "narrow", width: 350.0, labels: 12.0, right: 30.0, above: 15.0 };

const LANE: f64 = 26.0;
const STREAM: f64 = 34.0;
const TALLY: f64 = 96.0;
const BAR: f64 = 12.0;
const HEAD: f64 = 34.0;
const GAP: f64 = 22.0;
const KEY: f64 = 22.0;

/// What a key explains; a figure's key shows what the figure uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Flight,
    Queued,
    Ready,
    Idle,
    Poll,
    Item,
    End(End),
}

/// The whole figure as HTML without blank lines: drawing, caption, table of times. All its ids begin with `id`;
/// `command` makes the recording again.
pub fn html(figure: &Figure, id: &str, command: &str) -> String {
    let drawing = Drawing(figure);
    let mut out = format!(
        "<figure class=\"drawing\" id=\"{id}\">\n<p hidden id=\"{id}-text\">{}</p>\n",
        escape(&drawing.text())
    );
    drawing.svg(&mut out, id, &WIDE);
    drawing.svg(&mut out, id, &NARROW);
    let _ = writeln!(
        out,
        "<figcaption><span id=\"{id}-title\">{}</span> <span class=\"source\">Drawn from a run on the paused clock: \
         <code>{}</code></span><a class=\"permalink\" href=\"#{id}\" \
         aria-label=\"Link to this figure\">#</a></figcaption>",
        escape(&figure.title),
        escape(command)
    );
    drawing.table(&mut out);
    out.push_str("</figure>\n");
    out
}

struct Drawing<'a>(&'a Figure);

impl Drawing<'_> {
    fn svg(&self, out: &mut String, id: &str, layout: &'static Layout) {
        let longest =
            self.0.panels.iter().map(|panel| panel.end).max().unwrap_or(0).max(1);
        let mut scale = Scale { longest, step: step(longest), most: 1, layout };
        // One height for one count, in all panels.
        let tallies = self
            .0
            .panels
            .iter()
            .flat_map(|panel| &panel.rows)
            .filter_map(RowDrawing::tally);
        scale.most = tallies.flat_map(|at| scale.buckets(at)).max().unwrap_or(1).max(1);
        let signs = self.signs();
        let hatch = format!("{id}-{}", layout.name);
        let panels: f64 = self.0.panels.iter().map(|panel| panel.height(layout)).sum();
        let top = panels + GAP * (self.0.panels.len().saturating_sub(1)) as f64 + 12.0;
        let mut keys = String::new();
        let bottom = key(&mut keys, &hatch, &signs, top, layout);
        let _ = writeln!(
            out,
            "<svg class=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title {id}-text\">",
            layout.name,
            layout.width,
            round(bottom)
        );
        let id = &hatch;
        let _ = writeln!(
            out,
            "<defs><pattern id=\"{id}-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect class=\"hatch-back\" width=\"6\" height=\"6\"/>\
             <rect class=\"hatch\" width=\"2.4\" height=\"6\"/></pattern></defs>"
        );
        let mut y = 0.0;
        for panel in &self.0.panels {
            panel.draw(out, id, &scale, y);
            y += panel.height(layout) + GAP;
        }
        out.push_str(&keys);
        out.push_str("</svg>\n");
    }

    fn signs(&self) -> BTreeSet<Sign> {
        let mut signs = BTreeSet::new();
        for row in self.0.panels.iter().flat_map(|panel| &panel.rows) {
            match row {
                Row::Lane { from, to, end, calls, polls, .. } => {
                    signs.insert(Sign::End(*end));
                    if !polls.is_empty() {
                        signs.insert(Sign::Poll);
                    }
                    for call in calls {
                        if call.sent.unwrap_or(call.to) > call.from {
                            signs.insert(Sign::Queued);
                        }
                        if call.sent.is_some() {
                            signs.insert(Sign::Flight);
                        }
                        if call.ready.is_some_and(|ready| ready < call.to) {
                            signs.insert(Sign::Ready);
                        }
                    }
                    let busy: u64 = calls.iter().map(|call| call.to - call.from).sum();
                    if busy < to - from {
                        signs.insert(Sign::Idle);
                    }
                }
                Row::Stream { end, .. } => {
                    signs.insert(Sign::Item);
                    if *end != End::Done {
                        signs.insert(Sign::End(*end));
                    }
                }
                Row::Tally { .. } => {}
            }
        }
        signs
    }

    /// What happened, in words.
    fn text(&self) -> String {
        let panels = self.0.panels.iter().map(|panel| {
            let rows: Vec<_> = panel.rows.iter().map(RowDrawing::text).collect();
            format!(
                "{}, which takes {}: {}.",
                panel.name,
                time(panel.end),
                rows.join("; ")
            )
        });
        panels.collect::<Vec<_>>().join(" ")
    }

    fn table(&self, out: &mut String) {
        out.push_str(
            "<details class=\"times\"><summary>The times of this figure</summary>\n<table><thead><tr>\
             <th>Run</th><th>Row</th><th>From</th><th>To</th><th>End</th><th>What happened</th></tr>\
             </thead><tbody>\n",
        );
        for panel in &self.0.panels {
            for row in &panel.rows {
                let (name, from, to, end) = match row {
                    Row::Lane { name, from, to, end, .. }
                    | Row::Stream { name, from, to, end, .. } => {
                        (name, *from, *to, end.word())
                    }
                    Row::Tally { name, at } => {
                        (name, 0, at.last().map_or(0, |(at, _)| *at), "")
                    }
                };
                let _ = writeln!(
                    out,
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{end}</td><td>{}</td></tr>",
                    escape(&panel.name),
                    escape(name),
                    time(from),
                    time(to),
                    escape(&row.events())
                );
            }
        }
        out.push_str("</tbody></table></details>\n");
    }
}

trait PanelDrawing {
    fn height(&self, layout: &Layout) -> f64;
    fn draw(&self, out: &mut String, id: &str, scale: &Scale, top: f64);
}

impl PanelDrawing for Panel {
    fn height(&self, layout: &Layout) -> f64 {
        let rows: f64 = self.rows.iter().map(|row| row.height(layout)).sum();
        HEAD + layout.above + rows + 18.0
    }

    fn draw(&self, out: &mut String, id: &str, scale: &Scale, top: f64) {
        // In a narrow drawing the time stands below the name, not beside it.
        let first = top + HEAD + scale.layout.above;
        let bottom = top + self.height(scale.layout) - 18.0;
        let end = scale.x(self.end);
        let _ = writeln!(
            out,
            "<g class=\"panel\"><text class=\"panel-name\" x=\"0\" y=\"{}\">{}</text>",
            round(top + 18.0),
            escape(&self.name)
        );
        for tick in scale.ticks() {
            let x = scale.x(tick);
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>\
                 <text class=\"tick\" x=\"{x}\" y=\"{}\">{}</text>",
                round(first - 4.0),
                round(bottom),
                round(bottom + 14.0),
                tick_label(tick, scale.longest)
            );
        }
        let _ = writeln!(
            out,
            "<line class=\"end\" x1=\"{end}\" x2=\"{end}\" y1=\"{}\" y2=\"{}\"/>\
             <text class=\"total\" x=\"{end}\" y=\"{}\">{}</text>",
            round(first - 10.0),
            round(bottom),
            round(first - 15.0),
            time(self.end)
        );
        let mut y = first;
        for row in &self.rows {
            row.draw(out, id, scale, y);
            y += row.height(scale.layout);
        }
        out.push_str("</g>\n");
    }
}

trait RowDrawing {
    fn tally(&self) -> Option<&[(u64, u64)]>;
    fn height(&self, layout: &Layout) -> f64;
    fn text(&self) -> String;
    fn events(&self) -> String;
    fn draw(&self, out: &mut String, id: &str, scale: &Scale, y: f64);
}

impl RowDrawing for Row {
    fn tally(&self) -> Option<&[(u64, u64)]> {
        match self {
            Self::Tally { at, .. } => Some(at),
            _ => None,
        }
    }

    fn height(&self, layout: &Layout) -> f64 {
        match self {
            Self::Lane { .. } => LANE + layout.above,
            Self::Stream { .. } => STREAM + layout.above,
            Self::Tally { .. } => TALLY + layout.above,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Lane { name, to, end, .. } | Self::Stream { name, to, end, .. } => {
                let events = self.events();
                let joint = if events.is_empty() { "" } else { ", " };
                format!("{name}: {events}{joint}{} at {}", end.word(), time(*to))
            }
            Self::Tally { name, at } => {
                let (total, most) = (
                    at.iter().map(|(_, count)| count).sum::<u64>(),
                    at.iter()
                        .max_by_key(|(_, count)| *count)
                        .copied()
                        .unwrap_or_default(),
                );
                format!(
                    "{name}: {total} in all, at most {} in one millisecond, at {}",
                    most.1,
                    time(most.0)
                )
            }
        }
    }

    fn events(&self) -> String {
        match self {
            Self::Lane { calls, .. } => {
                let calls: Vec<_> = calls.iter().map(CallDrawing::text).collect();
                calls.join(", then ")
            }
            Self::Stream { items, .. } => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| format!("{} at {}", item.label, time(item.at)))
                    .collect();
                items.join(", ")
            }
            Self::Tally { at, .. } => {
                let most = at
                    .iter()
                    .map(|(_, count)| count)
                    .max()
                    .copied()
                    .unwrap_or_default();
                let total: u64 = at.iter().map(|(_, count)| count).sum();
                format!("{total} in all, at most {most} in one millisecond")
            }
        }
    }

    fn draw(&self, out: &mut String, id: &str, scale: &Scale, y: f64) {
        let above = scale.layout.above;
        let middle = above + y + (self.height(scale.layout) - above) / 2.0;
        let label_at = if above > 0.0 { y + above - 5.0 } else { middle };
        // A finger does not hover.
        let title = match scale.layout.name {
            "wide" => format!("<title>{}</title>", escape(&self.text())),
            _ => String::new(),
        };
        match self {
            Self::Lane { name, from, to, end, calls, polls } => {
                let _ = writeln!(out, "<g class=\"lane\">{title}");
                label(out, name, label_at, scale.layout);
                let (x1, x2) = (scale.x(*from), scale.x(*to));
                let m = round(middle);
                let _ = writeln!(
                    out,
                    "<line class=\"life\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{m}\" y2=\"{m}\"/>"
                );
                for call in calls {
                    call.draw(out, id, scale, middle);
                }
                for poll in polls {
                    poll_mark(out, scale.x(*poll), middle);
                }
                end_mark(out, *end, x2, middle);
                out.push_str("</g>\n");
            }
            Self::Stream { name, from, to, end, items } => {
                let _ = writeln!(out, "<g class=\"stream\">{title}");
                label(out, name, label_at, scale.layout);
                let (x1, x2) = (scale.x(*from), scale.x(*to));
                let m = round(middle);
                let _ = writeln!(
                    out,
                    "<line class=\"flow\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{m}\" y2=\"{m}\"/>"
                );
                let (mut last, mut edge) = (f64::MIN, f64::MIN);
                for item in items {
                    // Marbles of one moment stand side by side.
                    let x = scale.x(item.at).max(last + 12.0);
                    (last, edge) = (x, x + half_marble(&item.label));
                    marble(out, &item.label, x, middle);
                }
                if *end == End::Done {
                    let x = x2.max(edge + 5.0);
                    let _ = writeln!(
                        out,
                        "<line class=\"stream-end\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>",
                        round(middle - 10.0),
                        round(middle + 10.0)
                    );
                } else {
                    end_mark(out, *end, x2.max(edge - 1.0), middle);
                }
                out.push_str("</g>\n");
            }
            Self::Tally { name, at } => {
                let _ = writeln!(out, "<g class=\"tally\">{title}");
                let beside = y + TALLY - 12.0;
                let at_y = if above > 0.0 { label_at } else { beside };
                label(out, name, at_y, scale.layout);
                histogram(out, scale, at, y + above);
                out.push_str("</g>\n");
            }
        }
    }
}

trait CallDrawing {
    fn text(&self) -> String;
    fn draw(&self, out: &mut String, id: &str, scale: &Scale, middle: f64);
}

impl CallDrawing for Call {
    fn text(&self) -> String {
        let mut parts = Vec::new();
        let sent = self.sent.unwrap_or(self.to);
        if sent > self.from {
            parts.push(format!("queued from {} to {}", time(self.from), time(sent)));
        }
        if let Some(sent) = self.sent {
            let until = self.ready.unwrap_or(self.to);
            parts.push(format!("in flight from {} to {}", time(sent), time(until)));
        }
        if let Some(ready) = self.ready.filter(|ready| *ready < self.to) {
            parts.push(format!(
                "answered but not polled from {} to {}",
                time(ready),
                time(self.to)
            ));
        }
        parts.join(", ")
    }

    fn draw(&self, out: &mut String, id: &str, scale: &Scale, middle: f64) {
        let sent = self.sent.unwrap_or(self.to);
        if sent > self.from {
            let (x1, x2, m) = (scale.x(self.from), scale.x(sent), round(middle));
            let _ = writeln!(
                out,
                "<line class=\"queued\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{m}\" y2=\"{m}\"/>"
            );
        }
        let Some(sent) = self.sent else { return };
        let until = self.ready.unwrap_or(self.to);
        bar(out, "flight", scale.x(sent), scale.x(until), middle, "");
        if until < self.to {
            let fill = format!(" fill=\"url(#{id}-hatch)\"");
            bar(out, "ready", scale.x(until), scale.x(self.to), middle, &fill);
        }
    }
}

/// How it went, in words.
trait Word {
    fn word(self) -> &'static str;
}

impl Word for End {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Open => "still running",
        }
    }
}

struct Scale {
    longest: u64,
    step: u64,
    /// The highest bar of a tally.
    most: u64,
    layout: &'static Layout,
}

impl Scale {
    /// The width of a bar of a tally, in milliseconds: one seventieth of the longest run.
    fn bucket(&self) -> u64 {
        (self.longest / 70).max(1)
    }

    /// The counts of a tally, bar by bar.
    fn buckets(&self, at: &[(u64, u64)]) -> Vec<u64> {
        let mut counts: Vec<u64> = Vec::new();
        for (at, count) in at {
            let slot = (at / self.bucket()) as usize;
            counts.resize(counts.len().max(slot + 1), 0);
            counts[slot] += count;
        }
        counts
    }

    fn x(&self, at: u64) -> f64 {
        let Layout { width, labels, right, .. } = self.layout;
        round(labels + (width - labels - right) * at as f64 / self.longest as f64)
    }

    fn ticks(&self) -> impl Iterator<Item = u64> + use<> {
        (0..=self.longest / self.step).map({
            let step = self.step;
            move |n| n * step
        })
    }
}

/// The distance of grid lines: 1, 2 or 5 times a power of ten, at most seven of them.
fn step(longest: u64) -> u64 {
    let mut power = 1;
    loop {
        for digit in [1, 2, 5] {
            if longest / (digit * power) <= 6 {
                return digit * power;
            }
        }
        power *= 10;
    }
}

/// A time as the prose writes it.
fn time(ms: u64) -> String {
    match ms {
        0 => "0 ms".to_owned(),
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms >= 10_000 && ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}

fn tick_label(ms: u64, longest: u64) -> String {
    match longest {
        longest if longest >= 3_600_000 => format!("{} min", ms / 60_000),
        longest if longest >= 10_000 => format!("{} s", ms / 1000),
        _ => ms.to_string(),
    }
}

pub(super) fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn label(out: &mut String, name: &str, middle: f64, layout: &Layout) {
    let _ = writeln!(
        out,
        "<text class=\"label\" x=\"{}\" y=\"{}\">{}</text>",
        (layout.labels - 12.0).max(0.0),
        round(middle + 4.5),
        escape(name)
    );
}

fn bar(out: &mut String, class: &str, x1: f64, x2: f64, middle: f64, more: &str) {
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x1}\" y=\"{}\" width=\"{}\" height=\"{BAR}\" rx=\"3\"{more}/>",
        round(middle - BAR / 2.0),
        round((x2 - x1).max(1.5)),
    );
}

fn poll_mark(out: &mut String, x: f64, middle: f64) {
    let _ = writeln!(
        out,
        "<line class=\"poll\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>",
        round(middle - BAR / 2.0 - 3.0),
        round(middle + BAR / 2.0 + 3.0)
    );
}

/// A disc with a sign in it, right of the place where a row ends.
fn end_mark(out: &mut String, end: End, x: f64, middle: f64) {
    let (x, y) = (round(x + 11.0), round(middle));
    let (class, path) = match end {
        End::Done => ("done", "m-3.4 .2 2.4 2.6 4.4-5.2"),
        End::Failed => ("failed", "m0-4.2v5M0 0m0 3.4v.4"),
        End::Dropped => ("dropped", "m-2.8-2.8 5.6 5.6m0-5.6-5.6 5.6"),
        End::Open => ("open", "m-3.6 0h7m-2.6-2.8 2.8 2.8-2.8 2.8"),
    };
    let path = if end == End::Failed {
        format!("M{x} {}v4.6m0 2.6v.6", round(y - 4.0))
    } else {
        format!("M{x} {y}{path}")
    };
    let _ = writeln!(
        out,
        "<g class=\"mark {class}\"><circle cx=\"{x}\" cy=\"{y}\" r=\"7.5\"/><path d=\"{path}\"/></g>"
    );
}

fn marble(out: &mut String, label: &str, x: f64, middle: f64) {
    let half = half_marble(label);
    let _ = writeln!(
        out,
        "<g class=\"marble\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"18\" rx=\"9\"/>\
         <text x=\"{x}\" y=\"{}\">{}</text></g>",
        round(x - half),
        round(middle - 9.0),
        round(half * 2.0),
        round(middle + 4.0),
        escape(label)
    );
}

/// Half of the width that a marble takes.
fn half_marble(label: &str) -> f64 {
    (label.chars().count() as f64 * 3.6 + 4.0).max(9.0)
}

/// Events by time, as bars.
fn histogram(out: &mut String, scale: &Scale, at: &[(u64, u64)], top: f64) {
    let counts = scale.buckets(at);
    let most = counts.iter().copied().max().unwrap_or(0);
    let floor = top + TALLY - 4.0;
    let room = TALLY - 24.0;
    let width = scale.x(scale.bucket()) - scale.x(0);
    let highest = counts.iter().position(|count| *count == most);
    for (slot, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (room * *count as f64 / scale.most as f64).max(1.5);
        let x = scale.x(slot as u64 * scale.bucket());
        let _ = writeln!(
            out,
            "<rect class=\"count\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            round(floor - height),
            round((width - 1.0).max(2.0)),
            round(height)
        );
        // Bars that are as high need no number, and theirs would stand on each other.
        if highest == Some(slot) {
            let _ = writeln!(
                out,
                "<text class=\"most\" x=\"{}\" y=\"{}\">{count}</text>",
                round(x + width / 2.0),
                round(floor - height - 4.0)
            );
        }
    }
    let _ = writeln!(
        out,
        "<line class=\"life\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
        scale.x(0),
        scale.x(scale.longest),
        round(floor),
        round(floor)
    );
}

/// Draws the key from `top` on, in as many lines as it takes, and returns where it ends.
fn key(
    out: &mut String,
    id: &str,
    signs: &BTreeSet<Sign>,
    top: f64,
    layout: &Layout,
) -> f64 {
    if signs.is_empty() {
        return top;
    }
    let _ = writeln!(out, "<g class=\"key\" aria-hidden=\"true\">");
    let (mut x, mut middle) = (0.0, top + KEY / 2.0);
    for sign in signs {
        if x > 0.0 && x + sign.width() > layout.width {
            (x, middle) = (0.0, middle + KEY);
        }
        match sign {
            Sign::Flight => bar(out, "flight", x, x + 22.0, middle, ""),
            Sign::Queued => line(out, "queued", x, middle),
            Sign::Ready => {
                let fill = format!(" fill=\"url(#{id}-hatch)\"");
                bar(out, "ready", x, x + 22.0, middle, &fill);
            }
            Sign::Idle => line(out, "life", x, middle),
            Sign::Poll => poll_mark(out, x + 3.0, middle),
            Sign::Item => marble(out, "", x + 9.0, middle),
            Sign::End(end) => end_mark(out, *end, x - 3.0, middle),
        }
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\">{}</text>",
            round(x + sign.mark()),
            round(middle + 4.0),
            sign.words()
        );
        x += sign.width();
    }
    out.push_str("</g>\n");
    middle + KEY / 2.0
}

impl Sign {
    /// The room of the sign itself.
    fn mark(self) -> f64 {
        match self {
            Self::Flight | Self::Queued | Self::Ready | Self::Idle => 28.0,
            Self::Poll => 10.0,
            Self::Item => 24.0,
            Self::End(_) => 22.0,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Flight => "in flight",
            Self::Queued => "queues",
            Self::Ready => "answer there, nobody polls",
            Self::Idle => "alive",
            Self::Poll => "polled",
            Self::Item => "item",
            Self::End(end) => end.word(),
        }
    }

    /// The room of the sign, its words and the gap behind them.
    fn width(self) -> f64 {
        self.mark() + self.words().len() as f64 * 6.1 + 16.0
    }
}

fn line(out: &mut String, class: &str, x: f64, middle: f64) {
    let (x1, x2, y) = (round(x), round(x + 22.0), round(middle));
    let _ = writeln!(
        out,
        "<line class=\"{class}\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{y}\" y2=\"{y}\"/>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDING: &str = r#"{
        "title": "A <title>",
        "panels": [{
            "name": "run", "end": 100,
            "rows": [
                {"row": "lane", "name": "a", "from": 0, "to": 100, "end": "dropped",
                 "calls": [{"from": 0, "sent": 20, "ready": 60, "to": 100}], "polls": [0, 20]},
                {"row": "stream", "name": "s", "from": 0, "to": 90, "end": "done",
                 "items": [{"at": 40, "label": "x"}]},
                {"row": "tally", "name": "t", "at": [[0, 3], [50, 1]]}
            ]
        }]
    }"#;

    fn drawn(json: &str) -> String {
        html(&serde_json::from_str(json).unwrap(), "figure-a-topic", "cargo test")
    }

    #[test]
    fn a_drawing_says_what_happened_in_words_too() {
        let html = drawn(RECORDING);
        for part in [
            "id=\"figure-a-topic\"",
            "aria-labelledby=\"figure-a-topic-title figure-a-topic-text\"",
            "A &lt;title&gt;",
            "queued from 0 ms to 20 ms, in flight from 20 ms to 60 ms, answered but not polled \
             from 60 ms to 100 ms, dropped at 100 ms",
            "x at 40 ms",
            "4 in all, at most 3 in one millisecond",
            "<details class=\"times\">",
            "class=\"mark dropped\"",
        ] {
            assert!(html.contains(part), "no {part} in {html}");
        }
    }

    #[test]
    fn a_drawing_has_no_blank_line_and_only_its_own_ids() {
        let html = drawn(RECORDING);
        assert!(!html.contains("\n\n"));
        let ids = html.split(" id=\"").skip(1);
        assert!(ids.into_iter().all(|id| id.starts_with("figure-a-topic")));
        assert!(!html.contains("style="), "colours come from the theme");
    }

    #[test]
    fn grid_lines_stand_at_round_times() {
        assert_eq!(
            [1, 6, 100, 140, 3000, 3_600_000].map(step),
            [1, 1, 20, 50, 500, 1_000_000]
        );
    }

    #[test]
    fn a_count_has_one_height_in_all_panels() {
        let panel = |count: usize| {
            format!(
                "{{\"name\": \"p\", \"end\": 70, \"rows\": [{{\"row\": \"tally\", \"name\": \"t\", \
                 \"at\": [[0, {count}]]}}]}}"
            )
        };
        let json =
            format!("{{\"title\": \"x\", \"panels\": [{}, {}]}}", panel(4), panel(2));
        let html = drawn(&json);
        let heights: Vec<&str> = html
            .split("class=\"count\"")
            .skip(1)
            .map(|bar| {
                bar.split("height=\"").nth(1).unwrap().split('"').next().unwrap()
            })
            .collect();
        assert_eq!(heights, ["72", "36", "72", "36"], "in both drawings");
    }
}
