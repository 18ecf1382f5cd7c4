//! Draws a chart of what was measured, on a logarithmic axis: the same factor is the same length everywhere.
//!
//! Colours and dashes come from `theme/`: the SVG carries classes only.

use std::fmt::Write as _;

use recording::chart::{Chart, Group, Range, Series, Values};

use super::figure::round;
use crate::text::html as escape;

/// A drawing of its own for each width of the page, as with figures.
struct Layout {
    name: &'static str,
    width: f64,
    /// Room for names beside what is drawn; none: the names stand above, or in a key below.
    names: f64,
}

const WIDE: Layout = Layout { name: "wide", width: 720.0, names: 214.0 };
const NARROW: Layout = Layout { name: "narrow", width: 350.0, names: 0.0 };

const LINE: f64 = 18.0;
const PLOT: f64 = 250.0;
const TICKS: f64 = 52.0;

/// No chart reaches so many powers of ten.
const MOST_POWERS: i32 = 20;

/// The shapes of the series, one after the other: a series is known by its shape, its dashes and its colour.
const SHAPES: usize = 6;

/// The whole chart as HTML without blank lines: drawing, caption, table of numbers. All its ids begin with `id`;
/// `file` holds the data.
pub fn html(chart: &Chart, id: &str, file: &str) -> String {
    let mut out = format!(
        "<figure class=\"drawing chart\" id=\"{id}\">\n<p hidden id=\"{id}-text\">{}</p>\n<p class=\"measure\">{}</p>\n",
        escape(&text(chart)),
        escape(&chart.measure)
    );
    for layout in [&WIDE, &NARROW] {
        let (drawn, height) = match &chart.values {
            Values::Ranges { reference, groups } => ranges(*reference, groups, layout),
            Values::Lines { across, series } => lines(across, series, layout),
        };
        let _ = writeln!(
            out,
            "<svg class=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title {id}-text\">\n{drawn}</svg>",
            layout.name,
            layout.width,
            round(height)
        );
    }
    let _ = writeln!(
        out,
        "<figcaption><span id=\"{id}-title\">{}</span> <span class=\"source\">Measured: {}. The numbers of each round \
         are in <code>{}</code>.</span><a class=\"permalink\" href=\"#{id}\" aria-label=\"Link to this \
         chart\">#</a></figcaption>",
        escape(&chart.title),
        escape(&chart.machine),
        escape(file)
    );
    table(&mut out, chart);
    out.push_str("</figure>\n");
    out
}

/// What each row or point says: its place in words, its name, its range.
fn numbers(chart: &Chart) -> Vec<(String, &str, Range)> {
    let mut numbers = Vec::new();
    match &chart.values {
        Values::Ranges { groups, .. } => {
            for group in groups {
                for row in &group.rows {
                    let range = Range::of(&row.rounds);
                    numbers
                        .extend(range.map(|it| (group.name.clone(), &*row.name, it)));
                }
            }
        }
        Values::Lines { across, series } => {
            for line in series {
                for (at, rounds) in &line.points {
                    let range = Range::of(rounds);
                    let at = format!("{} {across}", thousands(&at.to_string()));
                    numbers.extend(range.map(|it| (at, &*line.name, it)));
                }
            }
        }
    }
    numbers
}

/// The medians, in words.
fn text(chart: &Chart) -> String {
    let said: Vec<_> = numbers(chart)
        .iter()
        .map(|(at, name, range)| format!("{name}, {at}: {}", number(range.median)))
        .collect();
    format!("{}. {}.", chart.measure, said.join("; "))
}

fn table(out: &mut String, chart: &Chart) {
    let at = match &chart.values {
        Values::Ranges { .. } => "What was done",
        Values::Lines { .. } => "At",
    };
    let _ = writeln!(
        out,
        "<details class=\"times\"><summary>The numbers of this chart</summary>\n<table><thead><tr><th>{at}</th>\
         <th>By</th><th>Median</th><th>Smallest</th><th>Largest</th></tr></thead><tbody>"
    );
    for (at, name, range) in numbers(chart) {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&at),
            escape(name),
            number(range.median),
            number(range.least),
            number(range.most)
        );
    }
    out.push_str("</tbody></table></details>\n");
}

/// Groups of rows, each a dot between its ends, and a line at the reference.
fn ranges(reference: f64, groups: &[Group], layout: &Layout) -> (String, f64) {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let all = rows().filter_map(|row| Range::of(&row.rounds));
    let (from, to) = (layout.names, layout.width - 46.0);
    let scale =
        Scale::of(all.flat_map(|it| [it.least, it.most]).chain([reference]), from, to);
    let wide = layout.names > 0.0;
    let mut out = String::new();
    let (top, mut y) = (4.0, 4.0);
    let mut drawn = String::new();
    for group in groups {
        y += LINE;
        let _ = writeln!(
            drawn,
            "<text class=\"panel-name\" x=\"0\" y=\"{}\">{}</text>",
            round(y),
            escape(&group.name)
        );
        y += 6.0;
        for row in &group.rows {
            let Some(range) = Range::of(&row.rounds) else { continue };
            let (label, middle) =
                if wide { (y + 13.0, y + 9.0) } else { (y + 11.0, y + 22.0) };
            let (x1, x, x2) =
                (scale.at(range.least), scale.at(range.median), scale.at(range.most));
            let m = round(middle);
            let at = if wide { layout.names - 14.0 } else { 0.0 };
            let _ = writeln!(
                drawn,
                "<g class=\"measured\"><text class=\"label\" x=\"{at}\" y=\"{}\">{}</text>\
                 <line class=\"ends\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{m}\" y2=\"{m}\"/>\
                 <circle class=\"median\" cx=\"{x}\" cy=\"{m}\" r=\"4.2\"/>\
                 <text class=\"value\" x=\"{}\" y=\"{}\">{}</text></g>",
                round(label),
                escape(&row.name),
                round(x2 + 7.0),
                round(middle + 4.0),
                number(range.median)
            );
            y += if wide { LINE } else { LINE + 12.0 };
        }
        y += 4.0;
    }
    for tick in scale.ticks() {
        let x = scale.at(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{}\"/>\
             <text class=\"tick\" x=\"{x}\" y=\"{}\">{}</text>",
            round(y),
            round(y + 15.0),
            number(tick)
        );
    }
    let x = scale.at(reference);
    let _ = writeln!(
        out,
        "<line class=\"reference\" x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{}\"/>",
        round(y)
    );
    out.push_str(&drawn);
    (out, y + 22.0)
}

/// A line for each series: medians joined, their ends as whiskers.
fn lines(across: &str, series: &[Series], layout: &Layout) -> (String, f64) {
    let points = || series.iter().flat_map(|line| &line.points);
    let wide = layout.names > 0.0;
    let (top, bottom) = (10.0, 10.0 + PLOT);
    let ends = points().filter_map(|(_, rounds)| Range::of(rounds));
    let value = Scale::of(ends.flat_map(|it| [it.least, it.most]), bottom, top);
    let right = if wide { layout.width - layout.names } else { layout.width - 14.0 };
    let number_of = points().map(|(at, _)| f64::from(*at));
    let place = Scale::of(number_of, TICKS + 14.0, right - 14.0).exact(points());
    let mut out = String::new();
    for tick in value.ticks() {
        let y = value.at(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{TICKS}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text class=\"tick value-tick\" x=\"{}\" y=\"{}\">{}</text>",
            round(right),
            TICKS - 6.0,
            round(y + 4.0),
            number(tick)
        );
    }
    let mut at: Vec<_> = points().map(|(at, _)| *at).collect();
    at.sort_unstable();
    at.dedup();
    for at in at {
        let _ = writeln!(
            out,
            "<text class=\"tick\" x=\"{}\" y=\"{}\">{}</text>",
            place.at(f64::from(at)),
            round(bottom + 17.0),
            thousands(&at.to_string())
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"tick\" x=\"{}\" y=\"{}\">{}</text>",
        round(f64::midpoint(TICKS, right)),
        round(bottom + 33.0),
        escape(across)
    );
    let mut ends = Vec::new();
    for (index, line) in series.iter().enumerate() {
        let shape = index % SHAPES;
        let mut path = String::new();
        let mut marks = String::new();
        let mut last = (0.0, 0.0);
        for (at, rounds) in &line.points {
            let Some(range) = Range::of(rounds) else { continue };
            let (x, y) = (place.at(f64::from(*at)), value.at(range.median));
            let _ = write!(path, "{}{x} {y}", if path.is_empty() { "M" } else { "L" });
            let _ = write!(
                marks,
                "<line class=\"ends\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>{}",
                value.at(range.least),
                value.at(range.most),
                mark(shape, x, y)
            );
            last = (x, y);
        }
        ends.push((last.1, last.0, index, line));
        let _ = writeln!(
            out,
            "<g class=\"series s{shape}\"><path class=\"way\" d=\"{path}\"/>{marks}</g>"
        );
    }
    // Names stand in the order of the lines' ends, and none on another.
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut height = bottom + 42.0;
    let mut free = top;
    for (end, x, index, line) in ends {
        let shape = index % SHAPES;
        let (sign, y) = if wide {
            let y = (end + 4.0).max(free);
            free = y + 16.0;
            (x + 16.0, y)
        } else {
            height += LINE;
            (10.0, height)
        };
        let _ = writeln!(
            out,
            "<g class=\"series s{shape}\">{}</g><text class=\"name\" x=\"{}\" y=\"{}\">{}</text>",
            mark(shape, sign, round(y - 4.0)),
            round(sign + 9.0),
            round(y),
            escape(&line.name)
        );
    }
    (out, (height + 6.0).max(free))
}

/// The shape of a series.
fn mark(shape: usize, x: f64, y: f64) -> String {
    let path = match shape {
        0 => {
            return format!("<circle class=\"median\" cx=\"{x}\" cy=\"{y}\" r=\"4\"/>");
        }
        1 => "m-4 -4h8v8h-8z",
        2 => "m0 -5l5 9h-10z",
        3 => "m0 -5.5l5 5.5l-5 5.5l-5 -5.5z",
        4 => "m0 5l5 -9h-10z",
        _ => "m-4 -4l8 8m0 -8l-8 8",
    };
    format!("<path class=\"median\" d=\"M{x} {y}{path}\"/>")
}

/// Where a value stands: the same factor is the same length.
struct Scale {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// From a tick at or below the smallest value to one at or above the largest.
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), it| {
            (it.min(least), it.max(most))
        });
        let below = steps(least).find(|tick| *tick <= least * 1.0001).unwrap_or(least);
        let above = ticks(below).find(|tick| *tick >= most * 0.9999);
        Self { least: below, most: above.unwrap_or(most), from, to }
    }

    /// The same, but from the first number to the last, and no further.
    fn exact<'a>(self, points: impl Iterator<Item = &'a (u32, Vec<f64>)>) -> Self {
        let (least, most) = points.fold((u32::MAX, 0), |(least, most), (at, _)| {
            ((*at).min(least), (*at).max(most))
        });
        Self { least: f64::from(least), most: f64::from(most), ..self }
    }

    fn at(&self, value: f64) -> f64 {
        if self.most <= self.least {
            return round(f64::midpoint(self.from, self.to));
        }
        let part = (value / self.least).ln() / (self.most / self.least).ln();
        round(self.from + (self.to - self.from) * part)
    }

    /// 1, 2, 5, 10, …: of more than eight only the powers of ten.
    fn ticks(&self) -> Vec<f64> {
        let in_reach = |tick: &f64| *tick <= self.most * 1.0001;
        let all: Vec<_> = ticks(self.least).take_while(in_reach).collect();
        if all.len() <= 8 {
            return all;
        }
        let is_power = |tick: &f64| (tick.log10() - tick.log10().round()).abs() < 1e-6;
        all.into_iter().filter(is_power).collect()
    }
}

/// How many powers of ten a value has: 0 from 1 on, 1 from 10 on.
fn power(value: f64) -> i32 {
    (value.log10() + 1e-9).floor() as i32
}

/// Ticks from above `value` down.
fn steps(value: f64) -> impl Iterator<Item = f64> {
    let unit = 10f64.powi(power(value));
    [5.0, 2.0, 1.0].into_iter().map(move |digit| digit * unit)
}

/// The ticks from `first` on, which is one.
fn ticks(first: f64) -> impl Iterator<Item = f64> {
    const DIGITS: [f64; 3] = [1.0, 2.0, 5.0];
    let at = |digit: &f64| (first / 10f64.powi(power(first)) - digit).abs() < 0.01;
    let skipped = DIGITS.iter().position(at).unwrap_or(0);
    let all = (power(first)..MOST_POWERS).flat_map(|power| {
        DIGITS.into_iter().map(move |digit| digit * 10f64.powi(power))
    });
    all.skip(skipped)
}

/// Three digits, and commas between thousands.
fn number(value: f64) -> String {
    if value < 999.5 {
        let places = usize::try_from(2 - power(value)).unwrap_or(0);
        let text = format!("{value:.places$}");
        return if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        };
    }
    let unit = 10f64.powi((power(value) - 2).max(0));
    thousands(&format!("{:.0}", (value / unit).round() * unit))
}

/// A whole number, with commas between thousands.
fn thousands(digits: &str) -> String {
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_chart() -> Chart {
        serde_json::from_str(
            r#"{"title": "A <title>", "machine": "16 cores", "measure": "ns per task", "values": {"lines": {
            "across": "workers", "series": [
                {"name": "falls", "points": [[1, [100.0, 90.0, 110.0]], [4, [40.0]], [16, [10.0]]]},
                {"name": "rises", "points": [[1, [100.0]], [16, [2000.0, 1900.0, 2300.0]]]}]}}}"#,
        )
        .unwrap()
    }

    fn ranges_chart() -> Chart {
        serde_json::from_str(
            r#"{"title": "Beside", "machine": "2 cores", "measure": "times", "values": {"ranges": {"reference": 1.0,
            "groups": [{"name": "spawn", "rows": [{"name": "one", "rounds": [0.5, 0.25, 0.75]},
                                                  {"name": "other", "rounds": [4.0]}]}]}}}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_chart_says_its_numbers_in_words_and_in_a_table_too() {
        let html = html(&lines_chart(), "chart-a", "data/a.json");
        for part in [
            "A &lt;title&gt;",
            "falls, 1 workers: 100; falls, 4 workers: 40",
            "<td>16 workers</td><td>rises</td><td>2,000</td><td>1,900</td><td>2,300</td>",
            "Measured: 16 cores.",
            "<code>data/a.json</code>",
        ] {
            assert!(html.contains(part), "no {part} in {html}");
        }
        assert!(!html.contains("\n\n") && !html.contains("style="));
        let ids = html.split(" id=\"").skip(1);
        assert!(ids.into_iter().all(|id| id.starts_with("chart-a")));
        assert_eq!(
            html.matches("class=\"way\"").count(),
            4,
            "two lines in two drawings"
        );
    }

    #[test]
    fn the_same_factor_is_the_same_length() {
        let scale = Scale::of([1.0, 100.0].into_iter(), 0.0, 200.0);
        let places = [1.0, 10.0, 100.0].map(|value| scale.at(value));
        assert_eq!(format!("{places:?}"), "[0.0, 100.0, 200.0]");
    }

    #[test]
    fn a_row_lies_between_its_ends_and_the_reference_has_its_line() {
        let (drawn, _) = ranges(1.0, &[], &WIDE);
        assert_eq!(drawn.matches("class=\"reference\"").count(), 1);
        let html = html(&ranges_chart(), "chart-a", "data/a.json");
        assert_eq!(html.matches("class=\"reference\"").count(), 2, "in both drawings");
        let scale =
            Scale::of([0.25, 4.0, 1.0].into_iter(), WIDE.names, WIDE.width - 46.0);
        let ends = format!("x1=\"{}\" x2=\"{}\"", scale.at(0.25), scale.at(0.75));
        assert!(html.contains(&ends), "no {ends} in {html}");
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        let ticks =
            |values: &[f64]| Scale::of(values.iter().copied(), 0.0, 1.0).ticks();
        assert_eq!(ticks(&[0.3, 4.0]), [0.2, 0.5, 1.0, 2.0, 5.0]);
        assert_eq!(ticks(&[1.0, 10.0]), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(ticks(&[3.0, 20_000.0]), [10.0, 100.0, 1_000.0, 10_000.0]);
        assert_eq!(ticks(&[7.0]), [5.0, 10.0]);
    }

    #[test]
    fn a_number_across_keeps_all_its_digits() {
        let counts = [1, 999, 1_000, 1_024, 100_000, 1_234_567];
        let said = counts.map(|count: u32| thousands(&count.to_string()));
        assert_eq!(said, ["1", "999", "1,000", "1,024", "100,000", "1,234,567"]);
    }

    #[test]
    fn numbers_have_three_digits() {
        let numbers = [37_052.0, 1_234_567.0, 458.2, 47.83, 1.0, 0.0306, 0.5, 999.7];
        let said = numbers.map(number);
        assert_eq!(
            said,
            ["37,100", "1,230,000", "458", "47.8", "1", "0.0306", "0.5", "1,000"]
        );
    }
}
