//! Rust code as HTML, coloured when the book is built, so that no page needs a script for it.
//!
//! The compiler's own lexer says what a token is; the classes below are what `theme/` knows.

use std::fmt::Write as _;

use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, tokenize};

use crate::text::html;

/// Sorted, for the binary search; strict and reserved keywords that listings use.
const KEYWORDS: [&str; 37] = [
    "Self", "as", "async", "await", "break", "const", "continue", "crate", "dyn",
    "else", "enum", "extern", "false", "fn", "for", "if", "impl", "in", "let", "loop",
    "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static", "struct",
    "super", "trait", "true", "type", "use", "where", "while",
];

/// A block of Rust on a page, with its imports. As HTML in Markdown it is one block: a `<pre>` goes on over
/// blank lines.
pub fn rust(imports: &str, code: &str) -> String {
    let code = coloured(code.trim_end_matches('\n'));
    block("rust", &(self::imports(imports) + &code))
}

/// What stands above the code of a block: its `use` lines, and an empty one; nothing where it needs none.
pub(super) fn imports(lines: &str) -> String {
    match lines.trim_end_matches('\n') {
        "" => String::new(),
        lines => format!("<span class=\"imports\">{}\n\n</span>", html(lines)),
    }
}

/// A block of Rust that stands folded: the search passes over it, and it is not coloured, since whole
/// files are most of what a page weighs.
pub fn folded(code: &str) -> String {
    block("rust folded", &html(code.trim_end_matches('\n')))
}

/// The lines of a block of Rust, each whole by itself: what goes on in the next line is opened again there.
pub fn lines(code: &str) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    let mut open = None;
    // Spans do not stand in one another.
    for part in coloured(code.trim_end_matches('\n')).split_inclusive(['>', '\n']) {
        if let Some(text) = part.strip_suffix('\n') {
            line.push_str(text);
            if open.is_some() {
                line.push_str("</span>");
            }
            lines.push(std::mem::take(&mut line));
            line.extend(open);
        } else {
            line.push_str(part);
            if let Some(at) = part.rfind('<') {
                open = Some(&part[at..]).filter(|tag| *tag != "</span>");
            }
        }
    }
    lines.push(line);
    lines
}

/// A block of this class, of code that is HTML.
pub(super) fn block(class: &str, code: &str) -> String {
    // mdBook's `links` runs later, and would take `{{#` in code for one of its own.
    let code = code.replace("{{#", "\\{{#");
    format!("<pre><code class=\"{class}\">{code}</code></pre>\n")
}

fn coloured(code: &str) -> String {
    let tokens: Vec<_> = tokenize(code, FrontmatterAllowed::No).collect();
    let mut out = String::with_capacity(code.len() * 2);
    let mut at = 0;
    let mut last = "";
    for (index, token) in tokens.iter().enumerate() {
        let end = at + token.len as usize;
        let text = &code[at..end];
        let next = code[end..].trim_start();
        let class = match token.kind {
            TokenKind::LineComment { doc_style: None }
            | TokenKind::BlockComment { doc_style: None, .. } => "c",
            TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => "d",
            TokenKind::Literal { kind, .. } => match kind {
                ra_ap_rustc_lexer::LiteralKind::Int { .. }
                | ra_ap_rustc_lexer::LiteralKind::Float { .. } => "n",
                _ => "s",
            },
            TokenKind::Lifetime { .. } => "l",
            TokenKind::Pound if next.starts_with(['[', '!']) => "a",
            TokenKind::Ident => {
                let call = next.starts_with('(') || next.starts_with("::<");
                let macro_call = next.starts_with('!') && !next.starts_with("!=");
                let attribute = in_attribute(&tokens[..index]);
                match () {
                    () if attribute => "a",
                    () if KEYWORDS.binary_search(&text).is_ok() => "k",
                    () if macro_call || last == "fn" || call && !starts_upper(text) => {
                        "f"
                    }
                    () if starts_upper(text) => "t",
                    () => "",
                }
            }
            _ => "",
        };
        if class.is_empty() {
            out.push_str(&html(text));
        } else {
            let _ = write!(out, "<span class=\"{class}\">{}</span>", html(text));
        }
        if token.kind != TokenKind::Whitespace {
            last = text;
        }
        at = end;
    }
    out
}

/// Whether what comes next is the name of an attribute, as in `#[name`.
fn in_attribute(before: &[ra_ap_rustc_lexer::Token]) -> bool {
    let mut before = before.iter().rev().map(|token| token.kind);
    before.next() == Some(TokenKind::OpenBracket)
        && matches!(
            (before.next(), before.next()),
            (Some(TokenKind::Pound), _)
                | (Some(TokenKind::Bang), Some(TokenKind::Pound))
        )
}

fn starts_upper(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn tokens_get_their_classes() {
        let code = "#[must_use]\n/// Says it.\npub fn say<'a>(n: &'a u32) -> Vec<u8> { // so\n    format!(\"<{n}>\").into() }\n\n";
        assert_eq!(
            rust("", code),
            "<pre><code class=\"rust\"><span class=\"a\">#</span>[<span class=\"a\">must_use</span>]\n\
             <span class=\"d\">/// Says it.</span>\n<span class=\"k\">pub</span> <span class=\"k\">fn</span> \
             <span class=\"f\">say</span>&lt;<span class=\"l\">'a</span>&gt;(n: &amp;<span class=\"l\">'a</span> u32) -&gt; \
             <span class=\"t\">Vec</span>&lt;u8&gt; { <span class=\"c\">// so</span>\n    \
             <span class=\"f\">format</span>!(<span class=\"s\">&quot;&lt;{n}&gt;&quot;</span>).\
             <span class=\"f\">into</span>() }</code></pre>\n"
        );
    }

    #[test]
    fn each_line_is_whole_by_itself() {
        let code = "let x = \"a\n<b>\";\n\n/* c\n*/ fn f() {}\n";
        assert_eq!(
            lines(code),
            [
                "<span class=\"k\">let</span> x = <span class=\"s\">&quot;a</span>",
                "<span class=\"s\">&lt;b&gt;&quot;</span>;",
                "",
                "<span class=\"c\">/* c</span>",
                "<span class=\"c\">*/</span> <span class=\"k\">fn</span> <span class=\"f\">f</span>() {}",
            ]
        );
        let again = format!(
            "<pre><code class=\"rust\">{}</code></pre>\n",
            lines("fn f() {\n}").join("\n")
        );
        assert_eq!(rust("", "fn f() {\n}"), again);
    }

    #[test]
    fn imports_stand_quietly_above_the_code() {
        assert_eq!(
            rust("use a::B;\nuse c::{D, E};\n", "x\n"),
            "<pre><code class=\"rust\"><span class=\"imports\">use a::B;\nuse c::{D, E};\n\n</span>x</code></pre>\n"
        );
    }

    #[test]
    fn no_directive_of_mdbook_is_left_in_code() {
        assert!(rust("", "// {{#include x}}").contains("\\{{#include"));
    }

    #[test]
    fn the_text_is_the_code() {
        let code = "fn f() {\n\n    let x = r#\"a \"b\" <c>\"#; // ünï\n}";
        let text = rust("", code);
        let mut plain = String::new();
        let mut in_tag = false;
        for c in text.chars() {
            match c {
                '<' => in_tag = true,
                '>' => in_tag = false,
                c if !in_tag => plain.push(c),
                _ => {}
            }
        }
        let plain = plain
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&");
        assert_eq!(plain.trim_end(), code);
    }
}
