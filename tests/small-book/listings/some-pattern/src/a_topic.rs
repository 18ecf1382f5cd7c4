//! A topic.

// ANCHOR: an_idea
pub fn idea() -> u32 {
    42
}
// ANCHOR_END: an_idea

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_right() {
        assert_eq!(idea(), 42);
    }

    #[test]
    #[ignore]
    fn it_is_skipped() {}
}
