//! What a file says of the files around it: the paths that it names, and which of them lead out of it.

use std::borrow::Cow;

use crate::source::tokens::{self, Item, ItemKind, Token};

/// A use as a reader's `main.rs` has it: there, nobody else calls its `main`, or what its later steps call.
pub fn as_main(text: &str) -> Cow<'_, str> {
    const FOR_OTHERS: &str = "pub(crate) ";
    let mut text = Cow::Borrowed(text);
    for before in ["\n", "    "] {
        let for_others = format!("{before}{FOR_OTHERS}");
        if text.contains(&for_others) {
            text = text.replace(&for_others, before).into();
        }
    }
    text
}

/// The first two names of each path, and its line: `tokio`, `time` of `tokio::time::sleep`. A path with braces
/// has several; the second name of `tokio::*` is `*`.
pub fn paths<'a>(tokens: &[Token<'a>]) -> Vec<(&'a str, &'a str, usize)> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let (mut found, mut behind) = (Vec::new(), 0);
    for (at, root) in tokens::roots(tokens) {
        if at < behind {
            continue; // in the braces of another path
        }
        let next = at + 3;
        if text(next) != "{" {
            found.push((root.text, text(next), root.line));
            continue;
        }
        let (mut depth, mut begins) = (0, false);
        for (at, token) in tokens.iter().enumerate().skip(next) {
            behind = at;
            match token.text {
                "{" => {
                    depth += 1;
                    begins = depth == 1;
                }
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                "," => begins = depth == 1,
                name => {
                    if begins {
                        found.push((root.text, name, token.line));
                    }
                    begins = false;
                }
            }
        }
    }
    found
}

/// The first path that leads out of a file, outside of its tests, and its line: `crate::…`, or `super::…` outside
/// of its modules.
pub fn outward(tokens: &[Token<'_>], items: &[Item]) -> Option<(usize, String)> {
    let inside = |item: &Item| {
        items.iter().any(|outer| {
            matches!(outer.kind, ItemKind::Module { here: true, .. })
                && outer.tokens.start < item.tokens.start
                && item.tokens.end < outer.tokens.end
        })
    };
    let own = items
        .iter()
        .filter(|item| !item.in_tests && !matches!(item.kind, ItemKind::Module { .. }));
    let leads = own.flat_map(|item| {
        let (inside, tokens) = (inside(item), &tokens[item.tokens.clone()]);
        let paths = paths(tokens).into_iter();
        paths.filter(move |(root, ..)| *root == "crate" || *root == "super" && !inside)
    });
    let first = leads.min_by_key(|(_, _, line)| *line);
    first.map(|(root, next, line)| (line, format!("{root}::{next}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, String, usize)> {
        let tokens = tokens::tokens(text).unwrap();
        let paths = paths(&tokens).into_iter();
        paths.map(|(root, next, line)| (root.into(), next.into(), line)).collect()
    }

    #[test]
    fn a_path_is_known_by_its_first_two_names() {
        let of = |root: &str, next: &str, line| (root.into(), next.into(), line);
        assert_eq!(
            names(
                "use a::b::c;\nuse d::{e::{f, g}, h,\n i::*};\nfn f() -> j::K { l::<m::N>(o::*) }"
            ),
            [
                of("a", "b", 1),
                of("d", "e", 2),
                of("d", "h", 2),
                of("d", "i", 3),
                of("j", "K", 4),
                of("l", "<", 4),
                of("m", "N", 4),
                of("o", "*", 4),
            ]
        );
    }

    #[test]
    fn what_leads_out_of_a_file_is_found() {
        let outward = |text: &str| {
            let tokens = tokens::tokens(text).unwrap();
            outward(&tokens, &tokens::items(&tokens))
        };
        assert_eq!(outward("use a::b;\nuse super::c;\n"), Some((2, "super::c".into())));
        assert_eq!(
            outward("fn f() {\n    crate::a();\n}\n"),
            Some((2, "crate::a".into()))
        );
        let naive = "pub mod naive {\n    use super::*;\n";
        assert_eq!(outward(&format!("{naive}}}\n")), None);
        let inner = format!("{naive}    fn f() {{ crate::g() }}\n}}\n");
        assert_eq!(outward(&inner), Some((3, "crate::g".into())));
        assert_eq!(
            outward("pub(crate) fn f() {}\n#[cfg(test)]\nuse crate::a;\n"),
            None
        );
    }

    #[test]
    fn nobody_else_calls_what_is_in_the_main_of_a_reader() {
        let text = "#[tokio::main]\npub(crate) async fn main() {}\n";
        assert_eq!(as_main(text), "#[tokio::main]\nasync fn main() {}\n");
        assert_eq!(as_main("\npub(crate) fn main() {}\n"), "\nfn main() {}\n");
        let steps =
            "\npub(crate) struct A {\n    pub(crate) b: u8,\n    pub c: u8,\n}\n";
        let own = "\nstruct A {\n    b: u8,\n    pub c: u8,\n}\n";
        assert_eq!(as_main(steps), own);
        assert!(matches!(as_main("fn main() {}\n"), Cow::Borrowed(_)));
    }
}
