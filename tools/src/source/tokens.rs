//! Rust as the compiler's own lexer sees it, and the items that a file is made of.
//!
//! That is all the book has to know of Rust: where items and their attributes begin and end, and which names
//! they use. Whether it compiles is the compiler's to say, in `cargo test`.

use std::ops::Range;

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

/// A token that is neither white space nor a comment; comments that document an item are tokens.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// As it stands in the file.
    pub text: &'a str,
    /// Where it begins.
    pub at: usize,
    /// The line, from 1.
    pub line: usize,
    /// The line that it ends in.
    pub last_line: usize,
    /// It documents what follows.
    pub documents: bool,
    /// It is a name or a keyword.
    pub is_name: bool,
}

/// Something that is not Rust: the line, and why.
pub type NotRust = (usize, String);

/// The tokens of a file.
///
/// # Errors
/// A literal or comment never ends, or brackets do not match.
pub fn tokens(text: &str) -> Result<Vec<Token<'_>>, NotRust> {
    let mut tokens = Vec::new();
    let mut open: Vec<(char, usize)> = Vec::new();
    let (mut at, mut line) = (0, 1);
    for token in tokenize(text, FrontmatterAllowed::No) {
        let range = at..at + token.len as usize;
        at = range.end;
        let source = &text[range.clone()];
        let first = line;
        line += source.matches('\n').count();
        let documents = match token.kind {
            TokenKind::Whitespace
            | TokenKind::LineComment { doc_style: None }
            | TokenKind::BlockComment { doc_style: None, terminated: true } => continue,
            TokenKind::BlockComment { terminated: false, .. } => {
                return Err((first, "a comment that never ends".into()));
            }
            TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => true,
            TokenKind::Literal { kind, .. } => {
                if is_open(kind) {
                    return Err((first, "a literal that never ends".into()));
                }
                false
            }
            _ => false,
        };
        brackets(source, first, &mut open)?;
        let is_name = matches!(token.kind, TokenKind::Ident | TokenKind::RawIdent);
        tokens.push(Token {
            text: source,
            at: range.start,
            line: first,
            last_line: line,
            documents,
            is_name,
        });
    }
    match open.pop() {
        Some((bracket, line)) => Err((line, format!("`{bracket}` is never closed"))),
        None => Ok(tokens),
    }
}

fn is_open(kind: LiteralKind) -> bool {
    match kind {
        LiteralKind::Char { terminated }
        | LiteralKind::Byte { terminated }
        | LiteralKind::Str { terminated }
        | LiteralKind::ByteStr { terminated }
        | LiteralKind::CStr { terminated } => !terminated,
        LiteralKind::RawStr { n_hashes }
        | LiteralKind::RawByteStr { n_hashes }
        | LiteralKind::RawCStr { n_hashes } => n_hashes.is_none(),
        _ => false,
    }
}

fn brackets(
    token: &str,
    line: usize,
    open: &mut Vec<(char, usize)>,
) -> Result<(), NotRust> {
    let closes = match token {
        "(" | "[" | "{" => {
            open.extend(token.chars().map(|bracket| (bracket, line)));
            return Ok(());
        }
        ")" => '(',
        "]" => '[',
        "}" => '{',
        _ => return Ok(()),
    };
    match open.pop() {
        Some((bracket, _)) if bracket == closes => Ok(()),
        Some((bracket, opened)) => {
            Err((line, format!("`{token}` closes the `{bracket}` of line {opened}")))
        }
        None => Err((line, format!("`{token}` closes nothing"))),
    }
}

/// An item of a file, with its attributes and what documents it.
#[derive(Debug)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Its tokens, attributes included.
    pub tokens: Range<usize>,
    /// The attributes: the last word of the path (`test` of `#[tokio::test]`), and all tokens inside.
    pub attributes: Vec<(String, String)>,
    /// The modules around it are compiled for tests only, or it is itself.
    pub in_tests: bool,
    /// It stands in a `mod naive`, or is one.
    pub naive: bool,
    /// The token of the word that says what it is; a name comes right behind it.
    pub word: usize,
}

/// What an item is, as far as the book wants to know.
#[derive(Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A function.
    Function(String),
    /// A module; its items follow, if it has its body here.
    Module {
        /// Its name.
        name: String,
        /// Its body stands in this file.
        here: bool,
    },
    /// A struct, enum, union, trait, or another name for a type.
    Type(String),
    /// A constant or static.
    Value(String),
    /// `use …;`
    Use,
    /// Anything else.
    Other,
}

impl Item {
    /// Whether it has an attribute whose path ends so.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|(name, _)| name == attribute)
    }
}

/// The items of a file, those of modules and of `proptest!` included, in its order.
pub fn items(tokens: &[Token<'_>]) -> Vec<Item> {
    let mut items = Vec::new();
    // Modules that are open: the index of the token that closes each, and what holds inside.
    let mut open: Vec<(usize, bool, bool)> = Vec::new();
    let closes = closing(tokens);
    let mut at = 0;
    while at < tokens.len() {
        if open.last().is_some_and(|(end, ..)| *end == at) {
            open.pop();
            at += 1;
            continue;
        }
        let (in_tests, naive) =
            open.last().map_or((false, false), |(_, tests, naive)| (*tests, *naive));
        let start = at;
        let mut attributes = Vec::new();
        let mut inner = false;
        while at < tokens.len() {
            let attribute = at + usize::from(is(tokens, at + 1, "!")) + 1;
            if tokens[at].documents {
                inner |= tokens[at].text.starts_with("//!")
                    || tokens[at].text.starts_with("/*!");
                at += 1;
            } else if tokens[at].text == "#" && is(tokens, attribute, "[") {
                inner |= attribute == at + 2;
                attributes
                    .push(attribute_of(&tokens[attribute + 1..closes[attribute]]));
                at = closes[attribute] + 1;
            } else {
                break;
            }
            if inner {
                break;
            }
        }
        if inner {
            continue; // it belongs to what is around it
        }
        let Some(word) = keyword(tokens, &closes, at) else { break };
        let is_test_only = attributes.iter().any(|(name, all)| {
            name == "cfg" && (all == "cfg(test)" || all.starts_with("cfg(all(test,"))
        });
        let item = |kind, end, naive| Item {
            kind,
            tokens: start..end,
            attributes,
            in_tests: in_tests || is_test_only,
            naive,
            word,
        };
        match tokens[word].text {
            "mod" => {
                let name = name_at(tokens, word + 1);
                let naive = naive || name == "naive";
                let here = is(tokens, word + 2, "{");
                let end = if here { closes[word + 2] } else { word + 2 };
                items.push(item(ItemKind::Module { name, here }, end + 1, naive));
                if here {
                    open.push((end, in_tests || is_test_only, naive));
                    at = word + 3;
                } else {
                    at = end + 1;
                }
            }
            "fn" => {
                let name = name_at(tokens, word + 1);
                let end = body_end(tokens, &closes, word);
                items.push(item(ItemKind::Function(name), end, naive));
                at = end;
            }
            what @ ("use" | "const" | "static" | "type") => {
                let end = semicolon(tokens, &closes, word);
                let name = name_at(tokens, word + 1);
                let kind = match what {
                    "use" => ItemKind::Use,
                    "type" => ItemKind::Type(name),
                    _ => ItemKind::Value(name),
                };
                items.push(item(kind, end, naive));
                at = end;
            }
            "proptest" if is(tokens, word + 1, "!") && is(tokens, word + 2, "{") => {
                open.push((closes[word + 2], in_tests || is_test_only, naive));
                at = word + 3;
            }
            what => {
                let end = body_end(tokens, &closes, word);
                let kind = match what {
                    "struct" | "enum" | "union" | "trait" => {
                        ItemKind::Type(name_at(tokens, word + 1))
                    }
                    _ => ItemKind::Other,
                };
                items.push(item(kind, end, naive));
                at = end;
            }
        }
    }
    items
}

/// The word that says what an item is: behind `pub`, `async`, `unsafe`, `extern "C"`, `default`.
fn keyword(tokens: &[Token<'_>], closes: &[usize], mut at: usize) -> Option<usize> {
    loop {
        let token = tokens.get(at)?;
        let next = tokens.get(at + 1).map_or("", |token| token.text);
        at = match token.text {
            "pub" if next == "(" => closes[at + 1] + 1,
            "pub" | "async" | "unsafe" | "default" => at + 1,
            "const" if matches!(next, "fn" | "async" | "unsafe" | "extern") => at + 1,
            "extern" if next.starts_with('"') => at + 2,
            "extern" if next == "fn" => at + 1,
            _ => return Some(at),
        };
    }
}

/// Behind the first `{…}` or `;` outside of other brackets.
fn body_end(tokens: &[Token<'_>], closes: &[usize], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => return closes[at] + 1,
            ";" => return at + 1,
            // `macro!(…);` and `macro![…];`
            "(" | "[" => at = closes[at] + 1,
            _ => at += 1,
        }
    }
    at
}

/// Behind the first `;` outside of brackets.
pub fn semicolon(tokens: &[Token<'_>], closes: &[usize], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at + 1,
            "(" | "[" | "{" => at = closes[at] + 1,
            _ => at += 1,
        }
    }
    at
}

/// For each opening bracket, the index of its closing one. They match: `tokens` has seen to it.
pub fn closing(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut closes = vec![tokens.len(); tokens.len()];
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => open.push(at),
            ")" | "]" | "}" => {
                if let Some(opened) = open.pop() {
                    closes[opened] = at;
                }
            }
            _ => {}
        }
    }
    closes
}

fn attribute_of(inside: &[Token<'_>]) -> (String, String) {
    let path = inside
        .iter()
        .take_while(|token| token.is_name || token.text == ":")
        .collect::<Vec<_>>();
    let name = path.last().map_or("", |token| token.text);
    (name.to_owned(), inside.iter().map(|token| token.text).collect())
}

/// Whether the token at `at` is there and says this.
pub fn is(tokens: &[Token<'_>], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

fn name_at(tokens: &[Token<'_>], at: usize) -> String {
    tokens.get(at).map_or("", |token| token.text).to_owned()
}

/// The tokens that begin a path, as `tokio` in `tokio::spawn`, with their indices; two colons and what they lead to
/// follow.
pub fn roots<'t, 'a>(
    tokens: &'t [Token<'a>],
) -> impl Iterator<Item = (usize, &'t Token<'a>)> {
    let colons = |at: usize| is(tokens, at, ":") && is(tokens, at + 1, ":");
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        let begins = at < 2 || !colons(at - 2);
        (token.is_name && begins && colons(at + 1)).then_some((at, token))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, usize, usize)> {
        let tokens = tokens(text).unwrap();
        let items = items(&tokens);
        let functions = items.into_iter().filter_map(|item| match item.kind {
            ItemKind::Function(name) => Some((
                name,
                tokens[item.tokens.start].line,
                tokens[item.tokens.end - 1].last_line,
            )),
            _ => None,
        });
        functions.collect()
    }

    #[test]
    fn functions_are_found_in_modules_and_behind_other_items() {
        let text = "//! Doc.\n#![x]\nuse a::{b, c};\nconst A: [u8; 3] = [1; 3];\nstruct S { a: u8 }\n\
                    struct T(u8);\nimpl S { fn not_an_item() {} }\nmacro_rules! m { () => {} }\nm!();\n\
                    pub(crate) mod inner {\n    /// Doc.\n    #[must_use]\n    pub async fn one<const N: usize>() -> [u8; 3] {\n    }\n}\n\
                    const fn two() {}\nextern crate self as x;\nunsafe extern \"C\" fn three() {}\n";
        assert_eq!(
            found(text),
            [("one".into(), 11, 14), ("two".into(), 16, 16), ("three".into(), 18, 18)]
        );
    }

    #[test]
    fn the_properties_of_proptest_are_found() {
        let text = "proptest! {\n    #![proptest_config(x)]\n\n    #[test]\n    fn p(n in 0..3u32) {\n    }\n}\nfn f() {}\n";
        assert_eq!(found(text), [("p".into(), 4, 6), ("f".into(), 8, 8)]);
    }

    #[test]
    fn attributes_are_known_by_the_end_of_their_path() {
        let text = "#[cfg(test)]\nmod tests {\n    #[tokio::test(start_paused = true)]\n    #[cfg_attr(unix, ignore)]\n    fn f() {}\n}\n";
        let tokens = tokens(text).unwrap();
        let items = items(&tokens);
        let names: Vec<_> =
            items[1].attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["test", "cfg_attr"]);
        assert!(items[1].in_tests && items[1].has("test"));
        assert_eq!(items[1].attributes[1].1, "cfg_attr(unix,ignore)");
    }

    #[test]
    fn what_does_not_match_is_not_rust() {
        for (text, line, what) in [
            ("fn f() {}\nfn g( {}\n", 2, "`{` is never closed"),
            ("fn f() {\n)\n", 2, "`)` closes the `{` of line 1"),
            ("}\n", 1, "closes nothing"),
            ("fn f() { \"x }\n", 1, "a literal that never ends"),
            ("/* x\n", 1, "a comment that never ends"),
        ] {
            let found = tokens(text).unwrap_err();
            assert!(found.1.contains(what) || text.contains("g("), "{found:?}");
            assert_eq!(found.0, line, "{found:?}");
        }
    }

    #[test]
    fn any_depth_of_brackets_is_read() {
        let deep =
            format!("fn f() {{ {}{} }}\n", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(found(&deep), [("f".into(), 1, 1)]);
    }

    #[test]
    fn a_path_is_known_by_its_root() {
        let tokens =
            tokens("let x: tokio::time::Y = a.b::<C>(std::mem::take(d));").unwrap();
        let roots: Vec<_> = roots(&tokens).map(|(_, token)| token.text).collect();
        assert_eq!(roots, ["tokio", "b", "std"]);
    }
}
