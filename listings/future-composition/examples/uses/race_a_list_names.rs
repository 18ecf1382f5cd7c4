use super::race_a_list::{DOWN, UP, ask};
use super::shown::race_a_list::first_by_name;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: names
    for south in [UP, DOWN] {
        let requests =
            [("north", ask("n1", 20, DOWN)), ("south", ask("s1", 60, south))];
        match first_by_name(requests).await {
            Ok((name, answer)) => println!("{name}: {answer}"),
            Err(lost) => println!("{lost}"),
        }
    }
    // ANCHOR_END: names
}
