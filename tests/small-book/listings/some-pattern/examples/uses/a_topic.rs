use some_pattern::a_topic::idea;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    println!("{}", idea());
}
