use std::error::Error;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::recovery_order::price;
use super::shown::fallback::{OnError, Source, with_fallbacks};
use super::shown::recovery_order::{Client, Settings};

// ANCHOR: fallback
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = SmallRng::seed_from_u64(1);
    let client = Client::new(Settings::default(), &mut rng)?;
    let (calls, second) = (AtomicU32::new(0), Duration::from_secs(1));
    for request in 1..=4 {
        let (client, calls, rng) = (&client, &calls, &mut rng);
        let service = Source::new("service", 30 * second, || async move {
            client.call(rng, || price(calls)).await
        });
        let old_list = Source::new("old list", second, || async { Ok(119) });
        let answered =
            with_fallbacks(service, [old_list], |_error| OnError::FallBack).await?;
        println!("request {request}: {} from the {}", answered.value, answered.by);
    }
    Ok(())
}
// ANCHOR_END: fallback
