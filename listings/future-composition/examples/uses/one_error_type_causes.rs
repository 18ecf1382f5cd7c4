use super::one_error_type::open_shop;
use super::shown::one_error_type::causes;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: causes
    if let Err(error) = open_shop("three").await {
        let messages: Vec<_> = causes(&error).map(ToString::to_string).collect();
        println!("{}", messages.join(": "));
    }
    // ANCHOR_END: causes
}
