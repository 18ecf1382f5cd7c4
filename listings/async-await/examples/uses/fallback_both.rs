use super::fallback::{ask_copy, ask_service, on_error};
use async_await::fallback::{Source, with_fallbacks};
use std::error::Error;
use std::time::Duration;

// ANCHOR: causes
fn print_causes(error: &dyn Error) {
    println!("- {error}");
    if let Some(cause) = error.source() {
        print_causes(cause);
    }
}
// ANCHOR_END: causes

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_millis(100);
    let item = "stamp";
    let service = Source::new("service", limit, || ask_service(item));
    let copy = Source::new("copy", limit, || ask_copy(item));
    match with_fallbacks(service, [copy], on_error).await {
        Ok(left) => println!("{item}: {} left, says the {}", left.value, left.by),
        // ANCHOR: arm
        Err(error) => print_causes(&error),
        // ANCHOR_END: arm
    }
}
