//! Each listing in `ui/` is refused, with the message in the `.stderr` file beside it.

#[test]
fn the_compiler_refuses_what_the_book_says_it_refuses() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
