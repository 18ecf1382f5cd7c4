//! What the rendered pages show of a run is what the run gave.
//!
//! That the recorded files are what the runs give is proved where the runs are: in
//! `listings/*/tests/{figures,programs,refused}`.

use std::fs;

use book_tests::{Rendered, root, selector};
use serde_json::Value;

#[test]
fn an_output_on_a_page_is_the_recorded_one() {
    let root = root();
    let rendered = Rendered::of(&root);
    let report = book::build::report(&root).unwrap();
    assert!(!report.outputs.is_empty());
    for path in report.outputs {
        let recorded = fs::read_to_string(root.join(&path)).unwrap();
        let (_, file) = path.rsplit_once('/').unwrap();
        let stem = file.split('.').next().unwrap().replace('_', "-");
        let shown = selector(&format!("#output-{stem} code.language-text"));
        let shown = rendered.pages["print.html"].select(&shown).next();
        let shown: String = shown.unwrap_or_else(|| panic!("{path}")).text().collect();
        assert_eq!(shown.trim_end(), recorded.trim_end(), "{path}");
    }
}

#[test]
fn a_figure_on_a_page_has_the_rows_of_the_recorded_one() {
    let root = root();
    let rendered = Rendered::of(&root);
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
        for drawing in ["svg.wide", "svg.narrow"] {
            let drawn = selector(&format!(
                "#figure-{name} {drawing} :is(.lane, .stream, .tally)"
            ));
            let drawn = rendered.pages["print.html"].select(&drawn).count();
            assert_eq!(drawn, rows, "{name}, {drawing}");
        }
        let table = selector(&format!("#figure-{name} .times tbody tr"));
        assert_eq!(rendered.pages["print.html"].select(&table).count(), rows, "{name}");
    }
}
