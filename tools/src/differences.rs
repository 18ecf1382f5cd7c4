//! Where two pieces of code differ, line by line.

use similar::{Algorithm, DiffOp, capture_diff_slices_by_key};

/// As many equal lines stay beside a difference, so that its place is seen.
const CONTEXT: usize = 1;

/// Fewer equal lines than this are not worth leaving out.
const LEAST_LEFT_OUT: usize = 3;

/// Code of so few lines is shown whole: what is left out of it would be missed.
const SHOWN_WHOLE: usize = 8;

/// What a line is beside the other code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It stands in both, near a difference; or the two have nothing in common.
    Shown,
    /// It stands in both, far from every difference.
    LeftOut,
    /// Only this code has it.
    Changed,
}

/// The lines of both codes; `None` if they are equal.
///
/// White space at the ends of a line is passed over: what moves into a block is the same code.
pub fn between(left: &str, right: &str) -> Option<[Vec<Line>; 2]> {
    let lines = [left, right]
        .map(|code| code.trim_end_matches('\n').lines().collect::<Vec<_>>());
    // Patience sees what a reader sees: it pairs the lines that stand once, not any brace with any other.
    let differences = capture_diff_slices_by_key(
        Algorithm::Patience,
        &lines[0],
        &lines[1],
        |line: &&str| line.trim().to_owned(),
    );
    let in_common = |operation: &DiffOp| match *operation {
        DiffOp::Equal { old_index, len, .. } => {
            let mut lines = lines[0][old_index..old_index + len].iter();
            lines.any(|line| line.contains(char::is_alphanumeric))
        }
        _ => false,
    };
    if differences.iter().all(|it| matches!(it, DiffOp::Equal { .. })) {
        return None;
    }
    if !differences.iter().any(in_common) {
        return Some(lines.map(|lines| vec![Line::Shown; lines.len()]));
    }
    let short = lines.iter().all(|lines| lines.len() <= SHOWN_WHOLE);
    let mut found = [Vec::new(), Vec::new()];
    let last = differences.len() - 1;
    for (index, operation) in differences.iter().enumerate() {
        let (old, new) = (operation.old_range(), operation.new_range());
        if !matches!(operation, DiffOp::Equal { .. }) {
            found[0].resize(old.end, Line::Changed);
            found[1].resize(new.end, Line::Changed);
            continue;
        }
        let before = if index == 0 { 0 } else { CONTEXT };
        let after = if index == last { 0 } else { CONTEXT };
        let far = old.len().saturating_sub(before + after);
        for (side, end) in [(0, old.end), (1, new.end)] {
            if far >= LEAST_LEFT_OUT && !short {
                found[side].resize(end - after - far, Line::Shown);
                found[side].resize(end - after, Line::LeftOut);
            }
            found[side].resize(end, Line::Shown);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of both sides: ` ` shown, `.` left out, `!` changed.
    fn between(left: &str, right: &str) -> Option<[String; 2]> {
        let marks = |lines: Vec<Line>| {
            let marks = lines.iter().map(|line| match line {
                Line::Shown => ' ',
                Line::LeftOut => '.',
                Line::Changed => '!',
            });
            marks.collect()
        };
        super::between(left, right).map(|sides| sides.map(marks))
    }

    fn different(left: &str, right: &str) -> [String; 2] {
        between(left, right).expect("the two differ")
    }

    #[test]
    fn equal_code_has_no_differences() {
        assert_eq!(between("a\nb\n", "a\nb\n"), None);
        assert_eq!(between("a\n    b\n", "a\nb"), None, "white space is no difference");
        assert_eq!(between("a\n\n", "a\n"), None, "nor is an empty line at the end");
    }

    #[test]
    fn changed_lines_are_told_from_those_beside_them() {
        assert_eq!(different("a\nb\nc\n", "a\nx\ny\nc\n"), [" ! ", " !! "]);
        assert_eq!(different("a\nc\n", "a\nb\nc\n"), ["  ", " ! "]);
    }

    #[test]
    fn lines_far_from_a_difference_are_left_out() {
        let (left, right) = ("a\nb\nc\nd\ne\nX\nf\ng\nh\n", "a\nb\nc\nd\ne\nf\ng\nh\n");
        // Five before: one stays. Three after: two would be left out, which is not worth it.
        assert_eq!(different(left, right), [".... !   ", "....    "]);
        let (left, right) = ("W\nX\na\nb\nc\nd\ne\nY\nZ\n", "Z\na\nb\nc\nd\ne\n");
        assert_eq!(different(left, right), ["!! ... !!", "! ... "]);
        let (left, right) = ("V\nW\nX\na\nb\nc\nd\nY\nZ\n", "a\nb\nc\nd\n");
        assert_eq!(different(left, right), ["!!!    !!", "    "]);
    }

    #[test]
    fn short_code_is_shown_whole() {
        let (left, right) = ("a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nd\ne\nf\ng\nX\n");
        assert_eq!(different(left, right), ["       ", "       !"]);
        let longer = format!("{right}Y\n");
        assert_eq!(different(left, &longer), ["...... ", "...... !!"]);
    }

    #[test]
    fn a_line_that_only_moves_into_a_block_is_the_same() {
        let (left, right) = ("work();\n", "if wanted {\n    work();\n}\n");
        assert_eq!(different(left, right), [" ", "! !"]);
    }

    #[test]
    fn with_nothing_in_common_all_is_shown_and_nothing_marked() {
        assert_eq!(different("a\nb\n", "c\n"), ["  ", " "]);
        let (left, right) = ("a {\n}\n", "b {\n    c\n}\n");
        assert_eq!(different(left, right), ["  ", "   "], "a brace is nothing");
    }
}
