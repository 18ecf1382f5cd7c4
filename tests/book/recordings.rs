//! What the rendered pages show of a run is what the run gave.
//!
//! That the recorded files are what the runs give is proved where the runs are: in
//! `listings/*/tests/{figures,programs,refused}`.

use book::book::Shown;
use book_tests::{Rendered, by_id, selector, shown, the_book};
use recording::chart::Values;

#[test]
fn an_output_on_a_page_is_the_recorded_one() {
    let print = Rendered::book().page("print.html");
    let print = by_id(&print);
    let code = selector("code.language-text");
    let mut count = 0;
    for part in shown(the_book()) {
        let Shown::Output(recording) = part else { continue };
        count += 1;
        let path = &recording.file.path;
        let shown = print.get(&*recording.file.output_id());
        let shown = shown.and_then(|output| output.select(&code).next());
        let shown: String = shown.unwrap_or_else(|| panic!("{path}")).text().collect();
        assert_eq!(shown.trim_end(), recording.text().unwrap().trim_end(), "{path}");
    }
    assert!(count > 0);
}

#[test]
fn a_figure_on_a_page_has_the_rows_of_the_recorded_one() {
    let print = Rendered::book().page("print.html");
    let print = by_id(&print);
    let mut count = 0;
    for part in shown(the_book()) {
        let Shown::Figure(recording) = part else { continue };
        count += 1;
        let name = &recording.file.path;
        let panels = &recording.figure().unwrap().panels;
        let rows: usize = panels.iter().map(|panel| panel.rows.len()).sum();
        let figure = print[&*recording.file.topic.figure_id()];
        for drawing in ["svg.wide", "svg.narrow"] {
            let drawn = selector(&format!("{drawing} :is(.lane, .stream, .tally)"));
            assert_eq!(figure.select(&drawn).count(), rows, "{name}, {drawing}");
        }
        let table = selector(".times tbody tr");
        assert_eq!(figure.select(&table).count(), rows, "{name}");
    }
    assert!(count > 0);
}

#[test]
fn a_chart_on_a_page_has_a_row_for_each_number_and_a_mark_in_both_drawings() {
    let print = Rendered::book().page("print.html");
    let print = by_id(&print);
    let mut count = 0;
    for part in shown(the_book()) {
        let Shown::Chart(recording) = part else { continue };
        count += 1;
        let name = &recording.file.path;
        let (numbers, keys) = match &recording.chart().unwrap().values {
            Values::Ranges { groups, .. } => {
                (groups.iter().map(|group| group.rows.len()).sum(), 0)
            }
            Values::Lines { series, .. } => {
                let points: usize = series.iter().map(|line| line.points.len()).sum();
                (points, series.len()) // a name in the key has the mark of its line
            }
        };
        let chart = print[&*recording.file.topic.chart_id()];
        for drawing in ["svg.wide", "svg.narrow"] {
            let marks = selector(&format!("{drawing} .median"));
            assert_eq!(
                chart.select(&marks).count(),
                numbers + keys,
                "{name}, {drawing}"
            );
        }
        let table = selector(".times tbody tr");
        assert_eq!(chart.select(&table).count(), numbers, "{name}");
    }
    assert!(count > 0);
}
