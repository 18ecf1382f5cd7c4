use backend::Site;
use backend::figure::{Figure, lane};
use tokio::join;

use crate::ms;

fn shop() -> Site {
    Site::default().with_page("/tea", ms(100)).with_page("/milk", ms(100))
}

async fn in_turn() {
    let site = shop();
    let (tea, milk) =
        (lane("tea", site.fetch("/tea")), lane("milk", site.fetch("/milk")));
    tea.await.unwrap();
    milk.await.unwrap();
}

async fn at_once() {
    let site = shop();
    let (tea, milk) =
        join!(lane("tea", site.fetch("/tea")), lane("milk", site.fetch("/milk")));
    tea.unwrap();
    milk.unwrap();
}

#[test]
fn two_at_once() {
    Figure::new("two-at-once", "Two requests of 100 ms each")
        .panel("tea.await + milk.await", in_turn)
        .panel("join!(tea, milk)", at_once)
        .check();
}
