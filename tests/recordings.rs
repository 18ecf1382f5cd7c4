//! What the rendered pages show of a run is what the run gave.
//!
//! That the recorded files are what the runs give is proved where the runs are: in
//! `listings/*/tests/{figures,programs,refused}`.

use std::fs;

use book_tests::{Rendered, by_id, root, selector};
use serde_json::Value;

#[test]
fn an_output_on_a_page_is_the_recorded_one() {
    let root = root();
    let print = Rendered::book().page("print.html");
    let print = by_id(&print);
    let report = book::build::report(&root).unwrap();
    assert!(!report.outputs.is_empty());
    let code = selector("code.language-text");
    for path in report.outputs {
        let recorded = fs::read_to_string(root.join(&path)).unwrap();
        let (_, file) = path.rsplit_once('/').unwrap();
        let stem = file.split('.').next().unwrap().replace('_', "-");
        let shown = print.get(&*format!("output-{stem}"));
        let shown = shown.and_then(|output| output.select(&code).next());
        let shown: String = shown.unwrap_or_else(|| panic!("{path}")).text().collect();
        assert_eq!(shown.trim_end(), recorded.trim_end(), "{path}");
    }
}

#[test]
fn a_figure_on_a_page_has_the_rows_of_the_recorded_one() {
    let root = root();
    let print = Rendered::book().page("print.html");
    let print = by_id(&print);
    let report = book::build::report(&root).unwrap();
    assert!(!report.figures.is_empty());
    for name in report.figures {
        let file = format!("figures/{}.json", name.replace('-', "_"));
        let recording = book::record::recordings(&root)
            .into_iter()
            .find_map(|(path, text)| path.ends_with(&file).then_some(text))
            .unwrap();
        let recording: Value = serde_json::from_str(&recording).unwrap();
        let panels = recording["panels"].as_array().unwrap();
        let rows: usize =
            panels.iter().map(|panel| panel["rows"].as_array().unwrap().len()).sum();
        let figure = print[&*format!("figure-{name}")];
        for drawing in ["svg.wide", "svg.narrow"] {
            let drawn = selector(&format!("{drawing} :is(.lane, .stream, .tally)"));
            assert_eq!(figure.select(&drawn).count(), rows, "{name}, {drawing}");
        }
        let table = selector(".times tbody tr");
        assert_eq!(figure.select(&table).count(), rows, "{name}");
    }
}
