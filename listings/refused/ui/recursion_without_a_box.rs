//! The future of each call would lie inside of the future of the call before it, without end.

// ANCHOR: recursion_without_a_box
async fn last_page(page: u32) -> u32 {
    if page == 3 { page } else { last_page(page + 1).await }
}
// ANCHOR_END: recursion_without_a_box

fn main() {
    drop(last_page(1));
}
