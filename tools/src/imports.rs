//! What the blocks of a page need beside their code: their imports, and the types that they name.

use std::collections::BTreeSet;

use crate::book::{Block, Shown};
use crate::problem::Problem;
use crate::source::listing::{Anchor, Listing};
use crate::source::page::{NOT_SHOWN, Page};
use crate::source::uses::Mistaken;

/// The `use` lines of a part, and of what the hints at its fence name.
///
/// # Errors
/// A hint that says nothing: what is wrong, and the mend.
pub fn lines(
    listing: &Listing,
    anchor: &Anchor,
    hints: &[String],
) -> Result<String, (String, String)> {
    let lines = listing.uses.lines(&anchor.needs, hints);
    lines.map_err(|(hint, mistaken)| match mistaken {
        Mistaken::Unknown => (
            format!(
                "`uses={hint}`: {} imports nothing of this name there",
                listing.file.path
            ),
            "correct the name, or remove the hint".to_owned(),
        ),
        Mistaken::Needless => (
            format!(
                "this hint is not needed: `uses={hint}` changes no import of the block"
            ),
            "remove it".to_owned(),
        ),
    })
}

/// Takes the imports of a part that stands within another one of its page, which shows them.
pub fn once(blocks: &mut [Block]) {
    let inside: Vec<_> = (0..blocks.len())
        .filter(|at| blocks.iter().any(|outer| is_within(&blocks[*at], outer)))
        .collect();
    for at in inside {
        blocks[at].imports.clear();
    }
}

fn is_within(inner: &Block, outer: &Block) -> bool {
    let (Some((inner, a)), Some((outer, b))) = (part(inner), part(outer)) else {
        return false;
    };
    inner.file.path == outer.file.path && b.line < a.line && a.last_line < b.last_line
}

fn part(block: &Block) -> Option<(&Listing, &Anchor)> {
    match &block.what {
        Shown::Listing { listing, anchor } => {
            Some((listing, listing.anchors.get(anchor)?))
        }
        _ => None,
    }
}

/// Each type that a block of the page uses and none defines, and each excuse for one that is not needed.
pub fn not_shown(page: &Page, blocks: &[Block]) -> Vec<Problem> {
    let parts = || blocks.iter().filter_map(|block| Some((block, part(block)?)));
    let shows = |path: &str, line: usize| {
        parts().any(|(_, (listing, anchor))| {
            listing.file.path == path
                && (anchor.line..=anchor.last_line).contains(&line)
        })
    };
    let (mut missing, mut problems) = (BTreeSet::new(), Vec::new());
    for (block, (listing, anchor)) in parts() {
        for index in &anchor.needs.types {
            let definition = &listing.uses.types[*index];
            let (path, name) = (listing.file.path.as_str(), definition.name.as_str());
            if shows(path, definition.line) || !missing.insert((path, name)) {
                continue;
            }
            if page.not_shown.iter().any(|it| it.name == name) {
                continue;
            }
            let line = page.lines.of(block.range.start);
            let what =
                format!("this block uses `{name}`, which the page shows nowhere");
            let mend = format!(
                "show it ({path}:{}), or say in the text what it is and add <!-- {NOT_SHOWN} {name}: the reason -->",
                definition.line
            );
            problems.push(Problem::new(&page.file, line, what, mend));
        }
    }
    for excuse in &page.not_shown {
        let name = excuse.name.as_str();
        if missing.iter().any(|(_, it)| *it == name) {
            continue;
        }
        let is_type = |(_, (listing, _)): (&Block, (&Listing, &Anchor))| {
            listing.uses.types.iter().any(|it| it.name == name)
        };
        let what = if parts().any(is_type) {
            format!(
                "this excuse is not needed: the page shows `{name}`, or no block uses it"
            )
        } else {
            format!("`{name}` is no type of a file that the page shows")
        };
        problems.push(Problem::new(
            &page.file,
            excuse.line,
            what,
            "remove the comment",
        ));
    }
    problems
}
