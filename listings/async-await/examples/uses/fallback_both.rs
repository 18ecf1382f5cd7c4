use super::fallback::{ask_copy, ask_service, on_error};
use async_await::fallback::{Source, with_fallbacks};
use std::error::Error;
use std::time::Duration;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_millis(100);
    #[expect(clippy::single_element_loop, reason = "the page changes the list")]
    // ANCHOR: stamp
    for item in ["stamp"] {
        // ANCHOR_END: stamp
        let service = Source::new("service", limit, || ask_service(item));
        let copy = Source::new("copy", limit, || ask_copy(item));
        match with_fallbacks(service, [copy], on_error).await {
            Ok(left) => println!("{item}: {} left, says the {}", left.value, left.by),
            // ANCHOR: causes
            Err(error) => {
                let mut cause: Option<&dyn Error> = Some(&error);
                while let Some(error) = cause {
                    println!("{error}");
                    cause = error.source();
                }
            } // ANCHOR_END: causes
        }
    }
}
