use super::until_both_end::shop;
use tokio::select;

#[expect(clippy::single_match_else, reason = "a value and an end: an arm for each")]
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut town = shop("town", 3, 10);
    let mut web = shop("web", 5, 14);
    // ANCHOR: flags
    let (mut town_open, mut web_open) = (true, true);
    while town_open || web_open {
        select! {
            sale = town.recv(), if town_open => match sale {
                Some(sale) => println!("{sale}"),
                None => {
                    println!("the town has closed");
                    town_open = false;
                }
            },
            sale = web.recv(), if web_open => match sale {
                Some(sale) => println!("{sale}"),
                None => {
                    println!("the web has closed");
                    web_open = false;
                }
            },
        }
    }
    // ANCHOR_END: flags
}
