use backend::Site;
use backend::figure::{Figure, lane};

use crate::ms;

/// Both calls at 0 ms, and then one await after the other.
async fn in_turn() {
    let site = Site::default().with_page("/tea", ms(100)).with_page("/milk", ms(100));
    let tea = lane("tea", site.fetch("/tea"));
    let milk = lane("milk", site.fetch("/milk"));
    tea.await.unwrap();
    milk.await.unwrap();
}

#[test]
fn call_and_await() {
    Figure::new("call-and-await", "Two calls at 0 ms, and two awaits in turn")
        .panel("tea.await + milk.await", in_turn)
        .check();
}
