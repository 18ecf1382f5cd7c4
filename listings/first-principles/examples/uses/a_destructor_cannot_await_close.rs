use super::a_destructor_cannot_await::give_back;
use first_principles::polled_or_dropped::CleanUp;
use std::future::Future; // only edition 2021 needs this line
use std::pin::Pin;
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: printer
/// A printer that one job holds.
struct Printer {
    clean_up: CleanUp<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Printer {
    fn hold(job: &'static str) -> Self {
        Self { clean_up: CleanUp::new(Box::pin(give_back(job))) }
    }

    async fn close(self) {
        self.clean_up.finish().await;
    }
}
// ANCHOR_END: printer

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: close
    let printer = Printer::hold("poster");
    printer.close().await;
    println!("the poster is done");

    drop(Printer::hold("card")); // nobody called `close`
    println!("the card is dropped");
    sleep(Duration::from_millis(100)).await;
    // ANCHOR_END: close
}
