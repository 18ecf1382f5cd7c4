//! Positions, edits and escapes in text.

use std::ops::Range;

/// Finds the line of a position.
#[derive(Debug)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// Indexes `text`.
    pub fn new(text: &str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { starts }
    }

    /// The line, from 1, that the byte `at` stands in.
    pub fn of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Where this line, from 1, begins.
    pub fn start(&self, line: usize) -> usize {
        self.starts[line - 1]
    }

    /// How far into its line the byte `at` stands.
    pub fn column(&self, at: usize) -> usize {
        at - self.starts[self.of(at) - 1]
    }
}

/// Replacements in a text, made all at once.
#[derive(Debug, Default)]
pub struct Edits {
    edits: Vec<(Range<usize>, String)>,
}

impl Edits {
    /// Puts `with` in the place of `range`; an empty range inserts.
    pub fn replace(&mut self, range: Range<usize>, with: String) {
        self.edits.push((range, with));
    }

    /// The text with all edits made. Edits may not overlap; at one place, the first one stands first.
    pub fn apply(mut self, text: &str) -> String {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut result = String::with_capacity(text.len() * 2);
        let mut done = 0;
        for (range, with) in &self.edits {
            result.push_str(&text[done..range.start]);
            result.push_str(with);
            done = range.end;
        }
        result.push_str(&text[done..]);
        result
    }
}

/// `text` as the content of an HTML element or attribute.
pub fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A code block of its own, with a fence longer than any run of backticks inside.
pub fn fence(info: &str, code: &str) -> String {
    let mut fence = String::from("```");
    while code.contains(&fence) {
        fence.push('`');
    }
    // mdBook's `links` runs later, and would take `{{#` in code for one of its own.
    let code = code.trim_end_matches('\n').replace("{{#", "\\{{#");
    format!("{fence}{info}\n{code}\n{fence}\n")
}

/// Without the white space that all its lines start with.
pub fn dedent(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let shared = lines().map(indent).min().unwrap_or(0);
    let mut result = String::with_capacity(text.len());
    for line in text.lines() {
        result.push_str(line.get(shared..).unwrap_or(""));
        result.push('\n');
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_a_line_and_a_column() {
        let lines = Lines::new("ab\ncd\n");
        assert_eq!([0, 1, 2, 3, 4].map(|at| lines.of(at)), [1, 1, 1, 2, 2]);
        assert_eq!((lines.column(1), lines.column(3)), (1, 0));
    }

    #[test]
    fn edits_are_made_in_the_order_of_the_text() {
        let mut edits = Edits::default();
        edits.replace(4..5, "E".into());
        edits.replace(1..3, "bc-".into());
        edits.replace(6..6, "!".into());
        assert_eq!(edits.apply("abcdef"), "abc-dEf!");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence("text", "a\n"), "```text\na\n```\n");
        assert_eq!(fence("md", "```rust\n```"), "````md\n```rust\n```\n````\n");
    }

    #[test]
    fn dedent_takes_what_all_lines_share() {
        assert_eq!(dedent("    a\n\n      b\n"), "a\n\n  b\n");
    }
}
